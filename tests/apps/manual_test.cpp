// What is made of the options' declarations: help, config file, the manual page, the completion of bash.
#include <doctest/doctest.h>

#include <sstream>

#include "io/base/file.h"
#include "tests/apps/command.h"
#include "tests/support/train_options.h"

namespace gan = uptake::gan;
namespace io = uptake::io;

namespace {

std::string spelled(std::string name) {
  for (char& c : name) c = c == '_' ? '-' : c;
  return name;
}

// Every option of uptake train with another value than its default. A GPU's precision is refused by the CPU.
template <class Visit>
void for_each_changed(const Visit& visit) {
  gan::for_each_option([&](const auto& option) {
    if (option.scope == gan::Scope::data || option.name == std::string("precision")) return;
    visit(spelled(option.name), gan::text_of(another_value(option)));
  });
}

// What bash offers, one a line, for the words typed so far.
std::string offered(const TemporaryFolder& folder, const std::string& words) {
  const Ran ran =
      shell("bash -c '. \"$0\"; COMP_WORDS=(" + words +
            "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _uptake; printf \"%s\\n\" \"${COMPREPLY[@]}\"' " +
            quoted(folder / "completion"));
  CHECK(ran.code == 0);
  return "\n" + ran.text;
}

}  // namespace

TEST_CASE("every training option is taken from the command line and from a config file") {
  const TemporaryFolder folder;
  std::string arguments, file;
  for_each_changed([&](const std::string& name, const std::string& value) {
    const bool on_off = value == "true" || value == "false";
    arguments += on_off ? (value == "true" ? " --" : " --no-") + name : " --" + name + " " + value;
    file += name + " = " + value + "  # comment\n";
  });
  io::write_file_atomically(folder / "c.ini", file);
  const std::string train = "train --data " + quoted(folder / "nothing") + " --out " + quoted(folder / "run");
  for (const Ran& ran :
       {command(train + arguments), command(train + " --config " + quoted(folder / "c.ini"))}) {
    CAPTURE(ran.text);
    CHECK(ran.code == 1);  // there is no data
    for_each_changed([&](const std::string& name, const std::string& value) {
      CHECK(ran.says(" " + name + "=" + value));
    });
  }
}

TEST_CASE(
    "--help shows of every training option its name, default, words or range, and whether it may change") {
  const Ran help = command("train --help");
  const std::string options = help.text.substr(
      help.text.find("\nOPTIONS\n"), help.text.find("\nEXIT CODES\n") - help.text.find("\nOPTIONS\n"));
  gan::for_each_option([&](const auto& option) {
    if (option.scope == gan::Scope::data) return;
    INFO(std::string(option.name));
    std::size_t at = options.find("\n  --" + spelled(option.name) + " ");
    if (at == std::string::npos) at = options.find("\n  --" + spelled(option.name) + ",");
    REQUIRE(at != std::string::npos);
    const std::string entry = options.substr(at, options.find("\n  --", at + 1) - at);
    const auto initial = gan::TrainConfig{}.*option.member;
    using T = std::remove_cvref_t<decltype(initial)>;
    if constexpr (std::is_same_v<T, bool>)
      CHECK(entry.find(initial ? "[on]" : "[off]") != std::string::npos);
    else
      CHECK(entry.find("[" + gan::text_of(initial) + "]") != std::string::npos);
    if constexpr (std::is_enum_v<T>)
      for (const std::string& word : uptake::nn::all_names<T>()) CHECK(entry.find(word) != std::string::npos);
    // The text is broken into lines, so words are looked for one by one.
    CHECK((entry.find("--resume") != std::string::npos) == gan::may_change(option.scope));
    CHECK((entry.find("machine") != std::string::npos) == (option.scope == gan::Scope::machine));
  });
  CHECK(help.says("--ngf NUMBER [64]\n        filters of the generator's first level (1 to 4096)\n"));
  std::istringstream lines(options);
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 79);
}

TEST_CASE("--man prints a page that man takes without a warning and that has every option") {
  const TemporaryFolder folder;
  const Ran page = command("--man");
  CHECK(page.code == 0);
  CHECK(page.text.starts_with(".TH UPTAKE 1 "));
  gan::for_each_option([&](const auto& option) {
    std::string name = "\\fB\\-\\-";
    for (const char c : spelled(option.name)) name += c == '-' ? std::string("\\-") : std::string(1, c);
    CHECK((page.text.find(name + "\\fR") != std::string::npos) == (option.scope != gan::Scope::data));
  });
  // Lines are requests of the man macros, or text.
  std::size_t requests = 0;
  for (std::size_t at = 0; (at = page.text.find("\n.", at)) != std::string::npos; ++at, ++requests) {
    const std::string request = page.text.substr(at + 1, page.text.find_first_of(" \n", at + 1) - at - 1);
    CAPTURE(request);
    CHECK(std::string(" .SH .PP .TP .B .br .EX .EE ").find(" " + request + " ") != std::string::npos);
  }
  CHECK(requests > 100);
  io::write_file_atomically(folder / "uptake.1", page.text);
  if (shell("command -v groff").code != 0) {
    MESSAGE("SKIPPED: groff is not installed");
    return;
  }
  const Ran formatted = shell("groff -man -ww -b -Tutf8 -P-c " + quoted(folder / "uptake.1") + " >/dev/null");
  CHECK(formatted.code == 0);
  CHECK(formatted.text.empty());
}

TEST_CASE("in bash, TAB offers commands, options, and the words they may be") {
  const TemporaryFolder folder;
  const Ran script = command("--bash-completion");
  REQUIRE(script.code == 0);
  io::write_file_atomically(folder / "completion", script.text);
  if (shell("command -v bash").code != 0) {
    MESSAGE("SKIPPED: bash is not installed");
    return;
  }
  CHECK(shell("bash -n " + quoted(folder / "completion")).text.empty());
  CHECK(offered(folder, "uptake tra") == "\ntrain\ntranslate\n");
  CHECK(offered(folder, "uptake train --net-") == "\n--net-g\n--net-d\n");
  CHECK(offered(folder, "uptake train --no-f") == "\n--no-flip\n");
  CHECK(offered(folder, "uptake train --gan-mode \"\"") == "\nvanilla\nlsgan\nhinge\n");
  CHECK(offered(folder, "uptake train --gan-mode = ls") == "\nlsgan\n");  // --gan-mode=ls
  CHECK(offered(folder, "uptake train --gan-mode =") == "\nvanilla\nlsgan\nhinge\n");
  CHECK(offered(folder, "uptake translate --norm-at-test r") == "\nrunning\n");
  CHECK(offered(folder, "uptake translate --lambda") == "\n\n");
  CHECK(offered(folder, "uptake train --data \"\"") == "\n\n");  // bash then offers files
  const std::string options = offered(folder, "uptake train --");
  gan::for_each_option([&](const auto& option) {
    if (option.scope == gan::Scope::data) return;
    INFO(std::string(option.name));
    CHECK(options.find("\n--" + spelled(option.name) + "\n") != std::string::npos);
  });
}
