#include "tests/simulator/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <new>

#include "tests/simulator/sanitizer.h"

#if defined(UPTAKE_SIMULATOR_ASSEMBLY)
// uptake_sim_switch(void** save, void* load): pushes the callee-saved registers, leaves the stack pointer in *save,
// takes the one in load and pops what was pushed there.
asm(R"(
.text
.p2align 4
.globl uptake_sim_switch
.type uptake_sim_switch, @function
uptake_sim_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size uptake_sim_switch, .-uptake_sim_switch
)");
extern "C" void uptake_sim_switch(void** save, void* load);
#endif

namespace uptake::sim {
namespace {

constexpr std::size_t kStackBytes = kAddressSanitizer ? 256 * 1024 : 64 * 1024;

std::size_t page_bytes() {
  static const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

#if defined(__SANITIZE_ADDRESS__)
/// The fiber that control has just left; the one that control comes to completes the announcement. Not one for each
/// host thread: a fiber may be left by one of them and resumed by another.
Fiber*& departed() {
  static Fiber* fiber = nullptr;
  return fiber;
}
#endif

}  // namespace

Fiber::Fiber(void (*entry)()) : entry_(entry) {
  void* memory = mmap(nullptr, page_bytes() + kStackBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  mapping_ = static_cast<char*>(memory);
  mprotect(mapping_, page_bytes(), PROT_NONE);  // an overflow stops here
  stack_ = mapping_ + page_bytes();
  bottom_ = stack_;
  bytes_ = kStackBytes;
#if defined(UPTAKE_SIMULATOR_ASSEMBLY)
  // As if the entry had been called: the six registers, then where `ret` goes, then the entry's own return address,
  // null so that nobody looks further down. After `ret` the stack pointer is 8 past a multiple of 16, as the
  // calling convention wants it at a function's first instruction.
  auto* top = reinterpret_cast<void**>(stack_ + kStackBytes);
  *--top = nullptr;
  *--top = reinterpret_cast<void*>(entry_);
  for (int i = 0; i < 6; ++i) *--top = nullptr;
  stack_pointer_ = top;
#else
  getcontext(&context_);
  context_.uc_stack.ss_sp = stack_;
  context_.uc_stack.ss_size = kStackBytes;
  context_.uc_link = nullptr;
  makecontext(&context_, entry_, 0);
#endif
}

Fiber::~Fiber() {
  if (mapping_ == nullptr) return;
  unpoison(stack_, kStackBytes);
  munmap(mapping_, page_bytes() + kStackBytes);
}

void Fiber::switch_to(Fiber& from, Fiber& to) {
#if defined(__SANITIZE_ADDRESS__)
  departed() = &from;
  __sanitizer_start_switch_fiber(&from.fake_stack_, to.bottom_, to.bytes_);
#endif
#if defined(UPTAKE_SIMULATOR_ASSEMBLY)
  uptake_sim_switch(&from.stack_pointer_, to.stack_pointer_);
#else
  swapcontext(&from.context_, &to.context_);
#endif
#if defined(__SANITIZE_ADDRESS__)
  Fiber* const before = departed();
  __sanitizer_finish_switch_fiber(from.fake_stack_, &before->bottom_, &before->bytes_);
#endif
}

void Fiber::arrived() {
#if defined(__SANITIZE_ADDRESS__)
  Fiber* const before = departed();
  __sanitizer_finish_switch_fiber(nullptr, &before->bottom_, &before->bytes_);
#endif
}

}  // namespace uptake::sim
