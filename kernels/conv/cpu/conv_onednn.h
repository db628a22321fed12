// Thin use of oneDNN: [n,h,w,c] images, filters in the layout oneDNN likes best, primitives created once for
// each geometry and kept. Internal to kernels/.
#pragma once
#include <cstdint>
#include <memory>

#include "kernels/conv/conv.h"

namespace uptake::kernels::onednn {

/// Filters in one master layout, with copies in the other layouts that primitives ask for, made on demand.
class PackedFilters {
 public:
  explicit PackedFilters(const FilterShape& shape);
  PackedFilters(PackedFilters&&) noexcept;
  ~PackedFilters();

  std::int64_t storage_size() const;
  void bind(float* storage);
  void changed();
  void to_plain(float* kcrs, const float* stored) const;
  void from_plain(float* stored, const float* kcrs) const;

  struct State;
  State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

void forward(const ConvGeometry& g, float* y, const float* x, PackedFilters& filters, const float* bias);
void backward_data(const ConvGeometry& g, float* dx, const float* dy, PackedFilters& filters);
void backward_filters(const ConvGeometry& g, float* dfilters, Write write, const float* x, const float* dy,
                      PackedFilters& filters);

}  // namespace uptake::kernels::onednn
