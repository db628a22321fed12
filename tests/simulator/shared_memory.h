// The shared memory of one block.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "simulator/shared.h"

namespace uptake::sim {

class SharedMemory {
 public:
  static constexpr std::size_t kStaticLimit = 48 * 1024, kLimit = 227 * 1024;

  SharedMemory();
  /// Forgets the block before; every variable is NaN again. `limit` is for everything together.
  void start_block(std::size_t dynamic_bytes, std::size_t limit);
  /// The variable's memory, made at the first call in a block. Throws Failure beyond 48 KiB of variables, or beyond
  /// the limit.
  void* variable(const SharedVariable& variable);
  void* dynamic() const { return dynamic_.from; }
  std::size_t dynamic_bytes() const { return dynamic_.bytes; }
  /// What was written beside a variable, or empty; and repairs the borders.
  std::string damage();

 private:
  struct Piece {
    const SharedVariable* variable;  // null for the dynamic part
    std::byte* from;
    std::size_t bytes;
  };
  Piece take(const SharedVariable* variable, std::size_t bytes, std::size_t alignment);

  std::unique_ptr<std::byte[]> arena_;
  std::byte* free_ = nullptr;  // behind the last border
  std::size_t static_bytes_ = 0, limit_ = kStaticLimit;
  Piece dynamic_{};
  std::vector<Piece> pieces_;
};

}  // namespace uptake::sim
