#include "tests/simulator/shared_memory.h"

#include <cstdint>
#include <cstring>
#include <string>

#include "tests/simulator/memory.h"
#include "tests/simulator/sanitizer.h"

namespace uptake::sim {
namespace {

constexpr std::size_t kBorder = 128;
constexpr std::size_t kArena = 512 * 1024;  // both limits, and borders for many variables

}  // namespace

SharedMemory::SharedMemory() : arena_(new std::byte[kArena]) {
  fill_border(arena_.get(), arena_.get() + kArena);
  poison(arena_.get(), kArena);
}

void SharedMemory::start_block(std::size_t dynamic_bytes, std::size_t limit) {
  limit_ = limit;
  for (const Piece& piece : pieces_) {
    fill_border(piece.from, piece.from + piece.bytes);
    poison(piece.from, (piece.bytes + 15) / 16 * 16);
  }
  pieces_.clear();
  static_bytes_ = 0;
  free_ = arena_.get() + kBorder;
  dynamic_ = take(nullptr, dynamic_bytes, 16);
}

SharedMemory::Piece SharedMemory::take(const SharedVariable* variable, std::size_t bytes,
                                       std::size_t alignment) {
  // 16 bytes are promised. More only where the type asks for it, so that nobody comes to rely on luck.
  auto at = (reinterpret_cast<std::uintptr_t>(free_) + alignment - 1) / alignment * alignment;
  if (alignment <= 16) at = (at + 15) / 32 * 32 + 16;
  auto* from = reinterpret_cast<std::byte*>(at);
  if (from + bytes + kBorder > arena_.get() + kArena) throw Failure("too many shared variables");
  unpoison(from, bytes);
  std::memset(from, kUninitialised, bytes);
  free_ = from + bytes + kBorder;
  pieces_.push_back({variable, from, bytes});
  return pieces_.back();
}

void* SharedMemory::variable(const SharedVariable& variable) {
  for (const Piece& piece : pieces_)
    if (piece.variable == &variable) return piece.from;
  static_bytes_ += variable.bytes;
  const std::size_t all = static_bytes_ + dynamic_.bytes;
  if (static_bytes_ > kStaticLimit || all > limit_)
    throw Failure("too much shared memory: " + std::string(variable.name) + " (" + variable.file + ":" +
                  std::to_string(variable.line) + ") makes it " + std::to_string(all) +
                  " bytes, the limit is " +
                  std::to_string(static_bytes_ > kStaticLimit ? kStaticLimit : limit_));
  return take(&variable, variable.bytes, variable.alignment).from;
}

std::string SharedMemory::damage() {
  if (kAddressSanitizer) return {};  // it stops the write itself
  std::string found;
  std::byte* border = arena_.get();
  const Piece* culprit = &pieces_.front();
  const auto check = [&](std::byte* end) {
    const std::byte* damaged = damage_in_border(border, end);
    if (damaged == nullptr) return;
    fill_border(border, end);
    std::string what = "dynamic shared memory";
    if (const SharedVariable* variable = culprit->variable)
      what = "shared " + std::string(variable->name) + " (" + variable->file + ":" +
             std::to_string(variable->line) + ")";
    found = "wrote outside " + what + " of " + std::to_string(culprit->bytes) + " bytes, at byte " +
            std::to_string(damaged - culprit->from);
  };
  for (const Piece& piece : pieces_) {
    check(piece.from);
    border = piece.from + piece.bytes;
    culprit = &piece;  // whoever writes into a border probably meant the variable before it
  }
  check(free_);
  return found;
}

}  // namespace uptake::sim
