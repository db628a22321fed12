// What --help, the manual page and the shell's completion say, all from what the subcommands declare.
#pragma once
#include <string>
#include <vector>

namespace uptake::apps {

/// One option, or the arguments without a name.
struct OptionHelp {
  std::string names;                 // "--ngf"; "--flip,--no-flip"; "FILE"
  std::string value;                 // what stands for its value: "NUMBER"; empty: choices, or there is none
  std::string initial;               // default; empty: none
  std::vector<std::string> choices;  // the words it may be
  std::string text;
  bool is_path() const { return value == "PATH"; }
};

/// One subcommand.
struct ManPage {
  std::string name;         // "train"
  std::string synopsis;     // "uptake train --data DIR --out RUN [OPTION]..."
  std::string summary;      // one line
  std::string description;  // paragraphs with an empty line between them
  std::string example;      // commands that work
  std::vector<OptionHelp> options{};
};

/// For a terminal, at most 79 columns wide.
std::string help_text(const ManPage& page);

/// All subcommands as one page for man(1), in roff's man macros.
std::string manual_page(const std::vector<ManPage>& pages, const std::string& summary,
                        const std::string& version);

/// A script that completes subcommands, options and the words they may be in bash.
std::string bash_completion(const std::vector<ManPage>& pages);

}  // namespace uptake::apps
