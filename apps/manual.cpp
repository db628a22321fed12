#include "apps/manual.h"

#include <sstream>

namespace uptake::apps {
namespace {

constexpr const char* kExitCodes[][2] = {
    {"0", "done"},
    {"1", "a file, the data or the computation failed; the message says which"},
    {"2", "the command line makes no sense"},
    {"130", "stopped by Ctrl-C; uptake train has saved everything"},
};

std::string joined(const std::vector<std::string>& words, const std::string& between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, at);) parts.push_back(part);
  return parts;
}

std::string value_of(const OptionHelp& option) {
  return option.choices.empty() ? option.value : joined(option.choices, "|");
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

// Text as roff takes it literally: a minus for every hyphen, so that options can be copied.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n'))
      out += std::string("\\&") + c;  // no request
    else
      out += c;
  }
  return out;
}

std::string roff_option(const OptionHelp& option) {
  std::string text = ".TP\n";
  std::string names;
  for (const std::string& name : split(option.names, ','))
    names += (names.empty() ? "" : ", ") + ("\\fB" + roff(name) + "\\fR");
  text += names;
  if (!value_of(option).empty()) text += " \\fI" + roff(value_of(option)) + "\\fR";
  if (!option.initial.empty()) text += " [" + roff(option.initial) + "]";
  return text + "\n" + roff(option.text) + "\n";
}

std::string roff_page(const ManPage& page) {
  std::string text = ".SH " + roff("\"uptake " + page.name + "\"") + "\n" + roff(page.summary) +
                     "\n.PP\n.B " + roff(page.synopsis) + "\n";
  for (const std::string& paragraph : split(page.description, '\n'))
    if (!paragraph.empty()) text += ".PP\n" + roff(paragraph) + "\n";
  for (const OptionHelp& option : page.options) text += roff_option(option);
  return text + ".PP\nExample:\n.PP\n.EX\n" + roff(page.example) + ".EE\n";
}

}  // namespace

std::string help_text(const ManPage& page) {
  std::string text = "NAME\n  uptake " + page.name + " - " + page.summary + "\n\nSYNOPSIS\n  " +
                     page.synopsis + "\n\nDESCRIPTION\n";
  for (const std::string& paragraph : split(page.description, '\n'))
    text += paragraph.empty() ? "\n" : wrapped(paragraph, 2);
  text += "\nOPTIONS\n";
  for (const OptionHelp& option : page.options) {
    text += "  " + option.names;
    if (!value_of(option).empty()) text += " " + value_of(option);
    if (!option.initial.empty()) text += " [" + option.initial + "]";
    text += "\n" + wrapped(option.text, 8);
  }
  text += "\nEXIT CODES\n";
  for (const auto& [code, meaning] : kExitCodes)
    text += "  " + std::string(code) + std::string(5 - std::string(code).size(), ' ') + meaning + "\n";
  return text + "\nEXAMPLE\n" + page.example;
}

std::string manual_page(const std::vector<ManPage>& pages, const std::string& summary,
                        const std::string& version) {
  std::string text = ".TH UPTAKE 1 \"\" \"" + roff(version) + "\" \"User Commands\"\n.SH NAME\nuptake \\- " +
                     roff(summary) + "\n.SH SYNOPSIS\n";
  for (const ManPage& page : pages) text += ".B " + roff(page.synopsis) + "\n.br\n";
  text += ".B uptake \\-\\-version\n";
  for (const ManPage& page : pages) text += roff_page(page);
  text += ".SH EXIT STATUS\n";
  for (const auto& [code, meaning] : kExitCodes)
    text += ".TP\n.B " + std::string(code) + "\n" + roff(meaning) + "\n";
  return text;
}

std::string bash_completion(const std::vector<ManPage>& pages) {
  std::string commands, options, values;
  for (const ManPage& page : pages) {
    commands += page.name + " ";
    std::string all;
    for (const OptionHelp& option : page.options) {
      const auto names = split(option.names, ',');
      if (!names[0].starts_with("--")) continue;
      all += joined(names, " ") + " ";
      const std::string where = "    " + page.name + ":" + names[0] + ") ";
      if (!option.choices.empty())
        values += where + "words='" + joined(option.choices, " ") + "' ;;\n";
      else if (option.is_path())
        values += where + "return ;;  # files\n";
      else if (!option.value.empty())
        values += where + "words='" + option.initial + "' ;;\n";
    }
    options += "      " + page.name + ") words='" + all + "' ;;\n";
  }
  return "# Completion of uptake in bash: commands, options and the words they may be; else files.\n"
         "_uptake() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=\n"
         "  if [[ $word == = ]]; then word=; fi  # --name=value comes as three words\n"
         "  if [[ $before == = ]]; then before=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
         "  COMPREPLY=()\n"
         "  if ((COMP_CWORD == 1)); then\n"
         "    COMPREPLY=($(compgen -W '" +
         commands +
         "help --help --version' -- \"$word\"))\n"
         "    return\n"
         "  fi\n"
         "  case ${COMP_WORDS[1]}:$before in\n" +
         values +
         "  esac\n"
         "  if [[ -z $words && $word == -* ]]; then\n"
         "    case ${COMP_WORDS[1]} in\n" +
         options +
         "    esac\n"
         "  fi\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "}\n"
         "complete -o default -F _uptake uptake\n";
}

}  // namespace uptake::apps
