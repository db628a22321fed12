// What the subcommands share: declaring options once (parsed, printed, saved and explained from the same
// list), the man page of --help, exit codes, and errors as one sentence.
#pragma once
#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "nn/machine.h"

namespace uptake::apps {

constexpr int kExitOk = 0;
constexpr int kExitFailed = 1;         // a file, the data or the computation
constexpr int kExitUsage = 2;          // the command line
constexpr int kExitInterrupted = 130;  // Ctrl-C

/// A command line that makes no sense: exit code 2.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// One subcommand as --help shows it.
struct ManPage {
  std::string name;      // "train"
  std::string synopsis;  // "uptake train --data DIR --out RUN [OPTION]..."
  std::string summary;   // one line
  std::string description;
  std::string example;  // commands that work
};

/// The options of one subcommand.
class Options {
 public:
  explicit Options(ManPage page);

  /// A value option "--name"; `variable` holds the default and receives the value.
  template <class T>
  CLI::Option* add(const std::string& name, T& variable, const std::string& help) {
    remember(name, [&variable] { return text_of(variable); });
    CLI::Option* option = app_->add_option("--" + name, variable, help)
                              ->default_str(text_of(variable))
                              ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    if constexpr (std::is_arithmetic_v<T>) option->check(&number_problem<T>);
    return option;
  }
  /// "--name" and "--no-name".
  CLI::Option* add_switch(const std::string& name, bool& variable, const std::string& help);
  /// "--name", off unless given; not part of the configuration.
  CLI::Option* add_flag(const std::string& name, bool& variable, const std::string& help);
  /// A path option that is not part of the configuration.
  CLI::Option* add_path(const std::string& name, std::filesystem::path& variable, const std::string& help);
  /// Arguments without a name.
  CLI::Option* add_files(std::vector<std::filesystem::path>& files, const std::string& name,
                         const std::string& help);

  /// Parses; on --help prints the man page and returns false. Throws UsageError: an unknown option is
  /// answered with the nearest one there is.
  bool parse(std::span<const std::string> arguments);

  /// name -> value of every configuration option, in order of declaration.
  std::vector<std::pair<std::string, std::string>> effective() const;

  /// The lines "name = value" of a file as arguments "--name=value". '#' begins a comment. Throws UsageError
  /// naming file and line for an unknown name.
  std::vector<std::string> arguments_from(const std::filesystem::path& config_file) const;

  std::string man_page() const;

 private:
  /// The shortest text that reads back as the same value.
  static std::string text_of(const std::string& value) { return value; }
  template <class T>
  static std::string text_of(T value) {
    char buffer[32];
    return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
  }
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

  void remember(const std::string& name, std::function<std::string()> print);
  std::string nearest(const std::string& unknown) const;

  ManPage page_;
  std::unique_ptr<CLI::App> app_ = std::make_unique<CLI::App>();
  std::vector<std::pair<std::string, std::function<std::string()>>> printers_;
};

/// Sets the number of CPU threads. Throws UsageError unless 0 (all) to 1024.
void use_threads(std::int64_t threads);

/// Throws UsageError unless empty, "auto", "running" or "batch".
void check_norm_at_test(const std::string& norm);

/// nn::choose_machine for a command that only applies a model. Throws UsageError.
nn::Machine machine_for(const std::string& device);

/// A path as a shell takes it.
std::string shell_quoted(const std::filesystem::path& path);

/// The subcommands: arguments after the subcommand's name; the exit code is returned.
using Arguments = std::span<const std::string>;
int train(Arguments arguments);
int translate(Arguments arguments);
int evaluate(Arguments arguments);
int inspect(Arguments arguments);
int phantom(Arguments arguments);

/// "uptake 0.1.0", as written into checkpoints and DICOM files.
std::string version();

}  // namespace uptake::apps
