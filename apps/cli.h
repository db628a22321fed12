// What the subcommands share: declaring options once (parsed, printed, saved and explained from the same
// list), exit codes, and errors as one sentence.
#pragma once
#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "apps/manual.h"
#include "gan/config.h"
#include "nn/machine.h"

namespace uptake::apps {

constexpr int kExitOk = 0;
constexpr int kExitFailed = 1;  // a file, the data or the computation
constexpr int kExitUsage = 2;   // the command line
// Ended by a signal: 128 and its number, 130 for Ctrl-C.

/// A command line that makes no sense: exit code 2. Control characters of what it quotes are shown as '?'.
struct UsageError : std::runtime_error {
  explicit UsageError(std::string sentence);
};

/// "--crop-size" for crop_size, as the library calls it.
std::string spelled(const std::string& option);

/// What went wrong, in one sentence for who sits at the command line: the library's, with options spelled as they are
/// written here, and with what may help.
std::string explain(const std::exception& error);

/// One line "name = value" of a configuration file.
struct ConfigLine {
  int number = 0;  // from 1
  std::string name, value;
};

/// Its lines: '#' begins a comment; a value in double quotes is taken as it is, but for \\ \" \n \r. Throws UsageError
/// naming file and line.
std::vector<ConfigLine> read_config(const std::filesystem::path& file);

/// A text as such a value, in quotes where it needs them.
std::string config_quoted(const std::string& text);

/// The options of one subcommand.
class Options {
 public:
  explicit Options(ManPage page);

  /// A value option "--name"; `variable` holds the default and receives the value. bool: "--name" and "--no-name".
  /// `choices`: the words that a text may be, for help and completion; those of an enum are known.
  template <class T>
  void add(const std::string& name, T& variable, const std::string& help,
           const std::vector<std::string>& choices = {});
  /// Without a default: what is not given stays empty.
  template <nn::NamedEnum E>
  void add(const std::string& name, std::optional<E>& variable, const std::string& help);
  /// "--name", off unless given; not part of the configuration.
  void add_flag(const std::string& name, bool& variable, const std::string& help);
  /// A path option that is not part of the configuration.
  void add_path(const std::string& name, std::filesystem::path& variable, const std::string& help);
  /// Arguments without a name.
  void add_files(std::vector<std::filesystem::path>& files, const std::string& name, const std::string& help);

  /// Parses; on --help prints the page and returns false. Throws UsageError: an unknown option is
  /// answered with the nearest one there is.
  bool parse(std::span<const std::string> arguments);

  /// name -> value of every configuration option, in order of declaration.
  std::vector<std::pair<std::string, std::string>> effective() const;

  /// The lines of a file as arguments "--name=value": --data and what effective() names. Throws UsageError naming file
  /// and line for an unknown name.
  std::vector<std::string> arguments_from(const std::filesystem::path& config_file) const;

  /// With every option.
  const ManPage& page() const { return page_; }

 private:
  /// Why a text is no number of type T; empty if it is one. Stricter than the parser, which would take "-1"
  /// as the largest unsigned number.
  template <class T>
  static std::string number_problem(const std::string& text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size()) return {};
    return "'" + text + "' is not a " +
           (std::is_floating_point_v<T> ? "number"
            : std::is_unsigned_v<T>     ? "whole number from 0"
                                        : "whole number") +
           (error == std::errc::result_out_of_range ? " of a possible size" : "");
  }
  /// An option whose text `take` makes a value of.
  void add_words(const std::string& name, const std::function<void(const std::string&)>& take);
  void add_switch(const std::string& name, bool& variable);
  void remember(const std::string& name, std::function<std::string()> print);
  std::string nearest(const std::string& unknown) const;

  ManPage page_;
  std::unique_ptr<CLI::App> app_ = std::make_unique<CLI::App>();
  std::vector<std::pair<std::string, std::function<std::string()>>> printers_;
};

template <class T>
void Options::add(const std::string& name, T& variable, const std::string& help,
                  const std::vector<std::string>& choices) {
  remember(name, [&variable] { return gan::text_of(variable); });
  OptionHelp entry{"--" + name, "", gan::text_of(variable), choices, help};
  if constexpr (std::is_same_v<T, bool>) {
    entry = {"--" + name + ",--no-" + name, "", variable ? "on" : "off", {}, help};
    add_switch(name, variable);
  } else if constexpr (nn::NamedEnum<T>) {
    entry.choices = nn::all_names<T>();
    add_words(name, [name, &variable](const std::string& text) { variable = gan::from_name<T>(name, text); });
  } else {
    CLI::Option* option =
        app_->add_option("--" + name, variable)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    if constexpr (std::is_arithmetic_v<T>) option->check(&number_problem<T>);
    if (choices.empty()) entry.value = std::is_arithmetic_v<T> ? "NUMBER" : "NAME";
  }
  page_.options.push_back(entry);
}

template <nn::NamedEnum E>
void Options::add(const std::string& name, std::optional<E>& variable, const std::string& help) {
  add_words(name, [name, &variable](const std::string& text) { variable = gan::from_name<E>(name, text); });
  page_.options.push_back({"--" + name, "", "", nn::all_names<E>(), help});
}

/// What every command that applies a model has.
void add_machine(Options& options, nn::DeviceChoice& device, std::int64_t& threads);

/// Sets the number of CPU threads. Throws UsageError unless 0 (all) to 1024.
void use_threads(std::int64_t threads);

/// nn::choose_machine for a command that only applies a model. Throws UsageError.
nn::Machine machine_for(nn::DeviceChoice device);

/// A path as a shell takes it, also where it would be an option.
std::string shell_quoted(const std::filesystem::path& path);

/// The subcommands: arguments after the subcommand's name; the exit code is returned. And their pages.
using Arguments = std::span<const std::string>;
int train(Arguments arguments);
int translate(Arguments arguments);
int evaluate(Arguments arguments);
int inspect(Arguments arguments);
int phantom(Arguments arguments);
ManPage train_page();
ManPage translate_page();
ManPage evaluate_page();
ManPage inspect_page();
ManPage phantom_page();

/// "uptake 0.1.0", as written into checkpoints and DICOM files.
std::string version();

}  // namespace uptake::apps
