// A fiber: a stack and the place where its code was when it last gave control away. Switching saves the registers
// that a function call must preserve, and the stack pointer; nothing else, no system call.
#pragma once
#include <cstddef>

#if defined(__x86_64__) && !defined(UPTAKE_SIMULATOR_UCONTEXT)
#define UPTAKE_SIMULATOR_ASSEMBLY
#else
#include <ucontext.h>  // slower: a system call each switch
#endif

namespace uptake::sim {

class Fiber {
 public:
  /// The fiber of whoever creates it: the stack that is in use already.
  Fiber() = default;
  /// A fiber that will run `entry`, which must never return.
  explicit Fiber(void (*entry)());
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// From the running fiber `from` to `to`; returns when somebody switches back.
  static void switch_to(Fiber& from, Fiber& to);
  /// To be called first thing in an entry.
  static void arrived();

 private:
  void (*entry_)() = nullptr;
  char* mapping_ = nullptr;  // a page nobody may touch, then the stack
  char* stack_ = nullptr;
#if defined(UPTAKE_SIMULATOR_ASSEMBLY)
  void* stack_pointer_ = nullptr;
#else
  ucontext_t context_;
#endif
  // What AddressSanitizer wants to know.
  const void* bottom_ = nullptr;
  std::size_t bytes_ = 0;
  void* fake_stack_ = nullptr;
};

}  // namespace uptake::sim
