#include "apps/signals.h"

#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <iostream>

namespace uptake::apps {
namespace {

// SIGUSR1 and SIGUSR2 are what batch systems send some minutes before the end, SIGXCPU what they send at it.
constexpr std::array kAsking{SIGINT, SIGTERM, SIGHUP, SIGXCPU, SIGUSR1, SIGUSR2, SIGPIPE};
// Whoever started this process may have sent the same Ctrl-C on: a person's second one comes later.
constexpr long kOnePress_ms = 100;

std::atomic<bool> asked = false;
std::atomic<int> asked_by = 0;
std::atomic<long> asked_ms = 0;
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<long>::is_always_lock_free);
std::array<struct sigaction, kAsking.size()> before;

long now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void on_signal(int signal) {
  if (!asked.exchange(true)) {
    asked_by = signal;
    asked_ms = now_ms();
  } else if (signal == SIGINT && now_ms() - asked_ms > kOnePress_ms) {
    std::signal(SIGINT, SIG_DFL);
    std::raise(SIGINT);
  }
}

bool is_ignored(const struct sigaction& action) { return action.sa_handler == SIG_IGN; }

}  // namespace

SignalGuard::SignalGuard(bool broken_pipe) {
  asked = false;
  for (std::size_t i = 0; i < kAsking.size(); ++i) {
    const int signal = kAsking[i];
    sigaction(signal, nullptr, &before[i]);
    // What nohup has made harmless stays so. Background jobs of scripts are started with SIGINT ignored: for them there
    // would be no way to be asked.
    if (signal == SIGPIPE ? !broken_pipe : signal != SIGINT && is_ignored(before[i])) continue;
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigaction(signal, &action, nullptr);
  }
}

SignalGuard::~SignalGuard() {
  for (std::size_t i = 0; i < kAsking.size(); ++i) sigaction(kAsking[i], &before[i], nullptr);
}

const std::atomic<bool>& SignalGuard::stop() const { return asked; }

int SignalGuard::exit_code() const { return 128 + asked_by; }

void ignore_broken_pipes() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

int exit_code_of_output(int code) {
  std::cout.flush();
  if (std::cout || code != 0) return code;
  pollfd output{STDOUT_FILENO, POLLOUT, 0};
  if (::poll(&output, 1, 0) == 1 && (output.revents & POLLERR) != 0) return 128 + SIGPIPE;
  std::cerr << "uptake: standard output cannot be written; what was to be said is not complete\n";
  return 1;
}

}  // namespace uptake::apps
