#include "nn/option_error.h"

namespace uptake::nn {
namespace {

std::string plain(const std::vector<SentencePart>& parts) {
  std::string text;
  for (const SentencePart& part : parts) text += part.text;
  return text;
}

}  // namespace

OptionError::OptionError(const std::string& option, const std::string& found, const std::string& expected)
    : OptionError({option_name(option), " is " + found + ", expected " + expected}) {
  found_ = found;
  expected_ = expected;
}

OptionError::OptionError(const std::vector<SentencePart>& sentence)
    : std::invalid_argument(plain(sentence)), parts_(sentence) {
  for (auto part = sentence.rbegin(); part != sentence.rend(); ++part)
    if (part->option) option_ = part->text;
}

std::string OptionError::sentence(const std::function<std::string(const std::string&)>& spell) const {
  std::string text;
  for (const SentencePart& part : parts_) text += part.option ? spell(part.text) : part.text;
  return text;
}

}  // namespace uptake::nn
