#include "apps/cli.h"

#include <algorithm>
#include <iostream>

#include "io/base/file.h"
#include "io/base/text.h"
#include "kernels/base/host.h"

namespace uptake::apps {
namespace {

std::string trimmed(const std::string& s) {
  const auto begin = s.find_first_not_of(" \t\r"), end = s.find_last_not_of(" \t\r");
  return begin == std::string::npos ? "" : s.substr(begin, end - begin + 1);
}

// Text broken into lines of at most 79 columns, all indented.
std::string wrapped(const std::string& text, std::size_t indent) {
  std::istringstream words(text);
  std::string out, line(indent, ' ');
  for (std::string word; words >> word;) {
    if (line.size() > indent && line.size() + 1 + word.size() > 79) {
      out += line + "\n";
      line.assign(indent, ' ');
    }
    line += (line.size() > indent ? " " : "") + word;
  }
  return out + line + "\n";
}

}  // namespace

void use_threads(std::int64_t threads) {
  if (threads < 0 || threads > 1024)
    throw UsageError("--threads is " + std::to_string(threads) + ", expected a whole number from 0 to 1024");
  kernels::set_threads(static_cast<int>(threads));
}

nn::Machine machine_for(const std::string& device) {
  try {
    return nn::choose_machine({.device = device}, std::cerr);
  } catch (const std::invalid_argument& e) {
    throw UsageError(e.what());
  }
}

void check_norm_at_test(const std::string& norm) {
  if (!norm.empty() && norm != "auto" && norm != "running" && norm != "batch")
    throw UsageError("--norm-at-test is '" + norm + "', expected auto, running or batch");
}

std::string shell_quoted(const std::filesystem::path& path) {
  std::string text = path.string();
  if (text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./") ==
      std::string::npos)
    return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

Options::Options(ManPage page) : page_(std::move(page)) {
  app_->set_help_flag("--help,-h", "show this page");
  app_->allow_extras();
}

void Options::remember(const std::string& name, std::function<std::string()> print) {
  printers_.emplace_back(name, std::move(print));
}

CLI::Option* Options::add_switch(const std::string& name, bool& variable, const std::string& help) {
  remember(name, [&variable] { return variable ? "true" : "false"; });
  const std::string initial = variable ? "--" + name : "--no-" + name;
  return app_->add_flag("--" + name + ",!--no-" + name, variable, help + " [default " + initial + "]")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

CLI::Option* Options::add_flag(const std::string& name, bool& variable, const std::string& help) {
  return app_->add_flag("--" + name, variable, help);
}

CLI::Option* Options::add_path(const std::string& name, std::filesystem::path& variable,
                               const std::string& help) {
  return app_->add_option("--" + name, variable, help)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

CLI::Option* Options::add_files(std::vector<std::filesystem::path>& files, const std::string& name,
                                const std::string& help) {
  return app_->add_option(name, files, help);
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
    std::cout << man_page();
    return false;
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

std::vector<std::string> Options::arguments_from(const std::filesystem::path& config_file) const {
  std::string bytes;
  try {
    bytes = io::read_file(config_file, 1 << 20);
  } catch (const io::FileError& e) {
    throw UsageError(std::string("--config ") + e.what());
  }
  std::istringstream in(bytes);
  std::vector<std::string> arguments, known;
  for (const auto& [name, print] : printers_) known.push_back(name);
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    line = trimmed(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    const std::string where = config_file.string() + ", line " + std::to_string(number) + ": ";
    const auto equals = line.find('=');
    if (equals == std::string::npos) throw UsageError(where + "'" + line + "', expected 'name = value'");
    const std::string name = trimmed(line.substr(0, equals)), value = trimmed(line.substr(equals + 1));
    if (value.empty()) throw UsageError(where + "'" + line + "' has no value");
    if (std::ranges::find(known, name) == known.end()) {
      const std::string offer = io::nearest_name(name, known);
      throw UsageError(where + "unknown option '" + name + "'" +
                       (offer.empty() ? "" : "; did you mean " + offer + "?"));
    }
    arguments.push_back("--" + name + "=" + value);
  }
  return arguments;
}

std::string Options::man_page() const {
  std::string text = "NAME\n  uptake " + page_.name + " - " + page_.summary + "\n\nSYNOPSIS\n  " +
                     page_.synopsis + "\n\nDESCRIPTION\n";
  std::istringstream paragraphs(page_.description);
  for (std::string paragraph; std::getline(paragraphs, paragraph);)
    text += paragraph.empty() ? "\n" : wrapped(paragraph, 2);
  text += "\nOPTIONS\n";
  for (const CLI::Option* option : app_->get_options()) {
    std::string head =
        "  " + (option->get_positional() ? option->get_name(true) : option->get_name(false, true));
    if (const auto braces = head.find("{false}"); braces != std::string::npos) head.erase(braces, 7);
    if (!option->get_default_str().empty()) head += " [" + option->get_default_str() + "]";
    text += head + "\n" + wrapped(option->get_description(), 8);
  }
  return text +
         "\nEXIT CODES\n  0    done\n  1    a file, the data or the computation failed; the message says "
         "which\n"
         "  2    the command line makes no sense\n  130  stopped by Ctrl-C; uptake train has saved "
         "everything\n\nEXAMPLE\n" +
         page_.example;
}

}  // namespace uptake::apps
