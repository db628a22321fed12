#include "apps/cli.h"

#include <algorithm>
#include <iostream>
#include <sstream>

#include "gan/trainer.h"
#include "io/base/file.h"
#include "io/base/folder_lock.h"
#include "io/base/plain_text.h"
#include "io/base/text.h"
#include "io/pairs/cohort.h"
#include "io/pairs/dataset.h"
#include "kernels/base/host.h"

namespace uptake::apps {
namespace {

std::string trimmed(const std::string& s) {
  const auto begin = s.find_first_not_of(" \t\r"), end = s.find_last_not_of(" \t\r");
  return begin == std::string::npos ? "" : s.substr(begin, end - begin + 1);
}

// What a value in double quotes stands for; a comment may follow it.
std::optional<std::string> unquoted(const std::string& text) {
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      const std::string rest = trimmed(text.substr(i + 1));
      if (!rest.empty() && rest.front() != '#') return {};
      return value;
    }
    if (text[i] == '\\' && i + 1 < text.size()) {
      const char next = text[++i];
      value += next == 'n' ? '\n' : next == 'r' ? '\r' : next;
    } else {
      value += text[i];
    }
  }
  return {};
}

}  // namespace

UsageError::UsageError(std::string sentence)
    : std::runtime_error(
          (std::ranges::replace_if(
               sentence, [](char c) { return (c >= 0 && c < 0x20 && c != '\n') || c == 0x7f; }, '?'),
           sentence)) {}

std::string spelled(const std::string& option) {
  std::string name = option;
  std::ranges::replace(name, '_', '-');
  return "--" + name;
}

std::string explain(const std::exception& error) {
  const std::string text = error.what();
  if (const auto* e = dynamic_cast<const nn::OptionError*>(&error)) return e->sentence(spelled);
  if (dynamic_cast<const gan::RunExists*>(&error) != nullptr)
    return text + "; give --resume to go on with it, or another --out";
  if (dynamic_cast<const io::FolderInUse*>(&error) != nullptr)
    return text + "; wait until that has ended, or give another --out";
  if (dynamic_cast<const gan::Diverged*>(&error) != nullptr) return text + " (a smaller --lr may help)";
  if (const auto* e = dynamic_cast<const io::BadFilesError*>(&error)) {
    std::string sentence = e->what_or("leave them out with --skip-bad");
    for (const io::Remedy remedy : e->remedies()) {
      if (remedy == io::Remedy::allow_synthetic)
        sentence += "\n--allow-synthetic takes derived and synthetic images all the same";
      if (remedy == io::Remedy::match_matrix)
        sentence += "\n--match-matrix resamples images of one field of view";
    }
    return sentence;
  }
  if (dynamic_cast<const io::OutsideError*>(&error) != nullptr)
    return text + "; --allow-outside reads such files";
  return text;
}

void add_machine(Options& options, nn::DeviceChoice& device, std::int64_t& threads) {
  options.add("device", device, "where to compute: auto (the GPU if one can be used), cpu, cuda");
  options.add("threads", threads, "CPU threads; 0: all");
}

void use_threads(std::int64_t threads) {
  if (threads < 0 || threads > 1024)
    throw UsageError("--threads is " + std::to_string(threads) + ", expected a whole number from 0 to 1024");
  kernels::set_threads(static_cast<int>(threads));
}

nn::Machine machine_for(nn::DeviceChoice device) {
  try {
    return nn::choose_machine({.device = device}, std::cerr);
  } catch (const std::invalid_argument& e) {
    throw UsageError(explain(e));
  }
}

std::string shell_quoted(const std::filesystem::path& path) {
  std::string text = path.string();
  if (text.starts_with("-")) text.insert(0, "./");
  if (!text.empty() &&
      text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./") ==
          std::string::npos)
    return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string config_quoted(const std::string& text) {
  if (!text.empty() && trimmed(text) == text && text.find_first_of("#\"\\\n\r") == std::string::npos)
    return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '\n' || c == '\r')
      quoted += c == '\n' ? "\\n" : "\\r";
    else
      quoted += (c == '"' || c == '\\' ? "\\" : "") + std::string(1, c);
  }
  return quoted + "\"";
}

Options::Options(ManPage page) : page_(std::move(page)) {
  app_->set_help_flag("--help,-h", "");
  app_->allow_extras();
  page_.options.push_back({"--help,-h", "", "", {}, "show this page"});
}

void Options::remember(const std::string& name, std::function<std::string()> print) {
  printers_.emplace_back(name, std::move(print));
}

void Options::add_words(const std::string& name, const std::function<void(const std::string&)>& take) {
  app_->add_option_function<std::string>("--" + name, take)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

void Options::add_switch(const std::string& name, bool& variable) {
  app_->add_flag("--" + name + ",!--no-" + name, variable)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

void Options::add_flag(const std::string& name, bool& variable, const std::string& help) {
  app_->add_flag("--" + name, variable);
  page_.options.push_back({"--" + name, "", "", {}, help});
}

void Options::add_path(const std::string& name, std::filesystem::path& variable, const std::string& help) {
  app_->add_option("--" + name, variable)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  page_.options.push_back({"--" + name, "PATH", "", {}, help});
}

void Options::add_files(std::vector<std::filesystem::path>& files, const std::string& name,
                        const std::string& help) {
  app_->add_option(name, files);
  page_.options.push_back({name, "", "", {}, help});
}

std::string Options::nearest(const std::string& unknown) const {
  std::vector<std::string> names;
  for (const CLI::Option* option : app_->get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    for (const auto& name : option->get_fnames()) names.push_back("--" + name);
  }
  return io::nearest_name(unknown, names);
}

bool Options::parse(std::span<const std::string> arguments) {
  for (const std::string& argument : arguments)
    if (argument.starts_with("--") && argument.ends_with("="))
      throw UsageError(argument.substr(0, argument.size() - 1) + " has no value");
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app_->parse(reversed);
  } catch (const CLI::CallForHelp&) {
    std::cout << help_text(page_);
    return false;
  } catch (const nn::OptionError& e) {
    throw UsageError(explain(e));
  } catch (const CLI::ParseError& e) {
    throw UsageError(std::string(e.what()) + " (see uptake " + page_.name + " --help)");
  }
  for (const std::string& extra : app_->remaining()) {
    if (!extra.starts_with("-"))
      throw UsageError("unexpected argument '" + extra + "' (see uptake " + page_.name + " --help)");
    const std::string name = extra.substr(0, extra.find('='));
    const std::string offer = nearest(name);
    throw UsageError("unknown option " + name + (offer.empty() ? "" : "; did you mean " + offer + "?") +
                     " (see uptake " + page_.name + " --help)");
  }
  return true;
}

std::vector<std::pair<std::string, std::string>> Options::effective() const {
  std::vector<std::pair<std::string, std::string>> values;
  for (const auto& [name, print] : printers_) values.emplace_back(name, print());
  return values;
}

std::vector<ConfigLine> read_config(const std::filesystem::path& file) {
  std::string bytes;
  try {
    bytes = io::plain_text(file, io::read_file(file, 1 << 20));
  } catch (const io::FileError& e) {
    throw UsageError(std::string("--config ") + e.what());
  }
  std::istringstream in(bytes);
  std::vector<ConfigLine> lines;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    const std::string where = file.string() + ", line " + std::to_string(number) + ": ";
    const auto equals = line.find('=');
    const std::string after = equals == std::string::npos ? "" : trimmed(line.substr(equals + 1));
    if (after.starts_with("\"") && trimmed(line).front() != '#') {
      const std::optional<std::string> value = unquoted(after);
      if (!value) throw UsageError(where + "'" + line + "' has a quote that is not closed, or text after it");
      lines.push_back({number, trimmed(line.substr(0, equals)), *value});
      continue;
    }
    line = trimmed(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    const auto between = line.find('=');  // not where it was before blanks in front were taken away
    if (between == std::string::npos) throw UsageError(where + "'" + line + "', expected 'name = value'");
    const std::string value = trimmed(line.substr(between + 1));
    if (value.empty()) throw UsageError(where + "'" + line + "' has no value");
    lines.push_back({number, trimmed(line.substr(0, between)), value});
  }
  return lines;
}

std::vector<std::string> Options::arguments_from(const std::filesystem::path& config_file) const {
  std::vector<std::string> arguments, known{"data"};
  for (const auto& [name, print] : printers_) known.push_back(name);
  for (const auto& [number, name, value] : read_config(config_file)) {
    if (std::ranges::find(known, name) == known.end()) {
      const std::string offer = io::nearest_name(name, known);
      throw UsageError(config_file.string() + ", line " + std::to_string(number) + ": unknown option '" +
                       name + "'" + (offer.empty() ? "" : "; did you mean " + offer + "?"));
    }
    arguments.push_back("--" + name + "=" + value);
  }
  return arguments;
}

}  // namespace uptake::apps
