// The second half of a convolution whose sums were cut into pieces, or are not finished yet. Internal to kernels/.
#pragma once
#include <memory>

#include "kernels/conv/conv.h"

namespace uptake::kernels::cuda::detail {

/// Memory for `splits` partial results of `size` sums; none for a sum in one piece that the kernel can finish itself.
class Partials {
 public:
  Partials(std::int64_t splits, std::int64_t size, bool kernel_can_finish = true)
      : splits_(splits), size_(size) {
    if (splits > 1 || !kernel_can_finish)
      memory_ = allocate_on_device(static_cast<std::size_t>(splits * size) * sizeof(float));
  }
  float* data() const { return reinterpret_cast<float*>(memory_.get()); }

  /// out[i] = act(bias[i % channels] + sum of the pieces), the first piece first. Nothing if there is no
  /// memory: then the kernel that computed it has done that.
  template <class T>
  void finish(T* out, std::int64_t channels, const ConvEpilogue<T>& epilogue, StreamHandle stream) const;
  /// out[i] = or += the sum of the pieces.
  void finish(float* out, Write write, StreamHandle stream) const;

 private:
  std::int64_t splits_, size_;
  std::shared_ptr<std::byte> memory_;
};

}  // namespace uptake::kernels::cuda::detail
