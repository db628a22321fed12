#include "apps/cli.h"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <numeric>

namespace uptake::apps {
namespace {

std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row.back();
}

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

std::string nearest_name(const std::string& unknown, const std::vector<std::string>& candidates) {
  std::string best;
  std::size_t best_distance = unknown.size() / 2 + 1;
  for (const auto& candidate : candidates) {
    const std::size_t distance = edit_distance(unknown, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
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
  return nearest_name(unknown, names);
}

bool Options::parse(std::span<const std::string> arguments) {
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
  std::ifstream in(config_file);
  if (!in) throw UsageError("--config " + config_file.string() + " cannot be read");
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
    if (std::ranges::find(known, name) == known.end()) {
      const std::string offer = nearest_name(name, known);
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
    std::replace(head.begin(), head.end(), '!', ' ');
    if (!option->get_default_str().empty()) head += " [" + option->get_default_str() + "]";
    text += head + "\n" + wrapped(option->get_description(), 8);
  }
  return text +
         "\nEXIT CODES\n  0    done\n  1    a file, the data or the computation failed; the message says "
         "which\n"
         "  2    the command line makes no sense\n  130  stopped by Ctrl-C, everything saved\n\nEXAMPLE\n" +
         page_.example;
}

}  // namespace uptake::apps
