// A choice of the user that makes no sense: the library knows an option by its name, and not how the user wrote it
// ("--crop-size", a line of a file, a field of a struct). Whoever shows the sentence spells the names.
#pragma once
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace uptake::nn {

/// A piece of a sentence: words, or the name of an option.
struct SentencePart {
  SentencePart(const char* words) : text(words) {}
  SentencePart(std::string words, bool is_option = false) : text(std::move(words)), option(is_option) {}
  std::string text;
  bool option = false;
};
inline SentencePart option_name(const std::string& name) { return {name, true}; }

class OptionError : public std::invalid_argument {
 public:
  /// "NAME is FOUND, expected EXPECTED".
  OptionError(const std::string& option, const std::string& found, const std::string& expected);
  /// Any other sentence: {option_name("crop_size"), " 200 is larger than ", option_name("load_size"), " 100"}. The
  /// first option in it is the one it is about.
  explicit OptionError(const std::vector<SentencePart>& sentence);

  /// As the struct's field is called: "crop_size".
  const std::string& option() const { return option_; }
  /// Empty where the sentence is another one.
  const std::string& found() const { return found_; }
  const std::string& expected() const { return expected_; }

  /// The sentence with the names of options as `spell` writes them; what() has them as they are.
  std::string sentence(const std::function<std::string(const std::string&)>& spell) const;

 private:
  std::vector<SentencePart> parts_;
  std::string option_, found_, expected_;
};

}  // namespace uptake::nn
