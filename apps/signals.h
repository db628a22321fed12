// Signals that ask a command to end: it finishes what it is at, keeps what is done and says so.
#pragma once
#include <atomic>

namespace uptake::apps {

/// While it lives, Ctrl-C and the other signals by which a process is asked to end (terminal closed, kill, a batch
/// system's warnings) only set stop(). A second Ctrl-C ends the process at once. One object at a time.
class SignalGuard {
 public:
  /// broken_pipe: whether it is such a signal, too, that nobody reads the output any more. Else that is ignored.
  explicit SignalGuard(bool broken_pipe = false);
  ~SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;

  const std::atomic<bool>& stop() const;
  /// What a shell expects of a program that a signal has ended: 128 and its number. For after stop().
  int exit_code() const;
};

/// Writing to a pipe that nobody reads, or past the limit of a file's size, is an error of that writing, not the end of
/// the process. For the start of main().
void ignore_broken_pipes();

/// The exit code of a command that would have ended with `code`: another when not all of what it said could be written
/// to standard output, which is told on standard error unless a reader has just had enough (| head).
int exit_code_of_output(int code);

}  // namespace uptake::apps
