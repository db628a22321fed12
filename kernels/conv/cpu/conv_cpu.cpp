// The CPU's convolutions: oneDNN for float, plain loops for double and for builds without oneDNN.
#include "kernels/conv/conv.h"

#include <type_traits>

#include "kernels/conv/cpu/conv_onednn.h"
#include "kernels/conv/cpu/conv_plain.h"
#include "kernels/elementwise.h"

namespace uptake::kernels {

// float with oneDNN has a layout chosen by the library and repacked copies; everything else is [k,r,s,c].
template <class T>
struct Filters<T>::Implementation {
#ifdef UPTAKE_HAS_ONEDNN
  static constexpr bool kOneDnn = std::is_same_v<T, float>;
  using Packed = std::conditional_t<kOneDnn, onednn::PackedFilters, int>;
  explicit Implementation(const FilterShape& s) : shape(s), packed(make_packed(s)) {}
  static Packed make_packed(const FilterShape& s) {
    if constexpr (kOneDnn)
      return Packed(s);
    else
      return 0;
  }
  FilterShape shape;
  Packed packed;
#else
  static constexpr bool kOneDnn = false;
  explicit Implementation(const FilterShape& s) : shape(s) {}
  FilterShape shape;
#endif
  T* storage = nullptr;
};

template <class T>
Filters<T>::Filters(const FilterShape& shape) : implementation_(std::make_unique<Implementation>(shape)) {}

template <class T>
Filters<T>::~Filters() = default;

template <class T>
const FilterShape& Filters<T>::shape() const {
  return implementation_->shape;
}

template <class T>
std::int64_t Filters<T>::storage_size() const {
  if constexpr (Implementation::kOneDnn)
    return implementation_->packed.storage_size();
  else
    return implementation_->shape.size();
}

template <class T>
void Filters<T>::bind(T* storage) {
  implementation_->storage = storage;
  if constexpr (Implementation::kOneDnn) implementation_->packed.bind(storage);
}

template <class T>
void Filters<T>::changed() {
  if constexpr (Implementation::kOneDnn) implementation_->packed.changed();
}

template <class T>
void Filters<T>::to_plain(T* kcrs, const T* stored) const {
  if (shape().size() == 0) return;
  if constexpr (Implementation::kOneDnn)
    implementation_->packed.to_plain(kcrs, stored);
  else
    krsc_to_kcrs(kcrs, stored, shape());
}

template <class T>
void Filters<T>::from_plain(T* stored, const T* kcrs) const {
  if (shape().size() == 0) return;
  if constexpr (Implementation::kOneDnn)
    implementation_->packed.from_plain(stored, kcrs);
  else
    kcrs_to_krsc(stored, kcrs, shape());
}

namespace cpu {

template <class T>
void conv_forward(const ConvGeometry& g, T* y, const T* x, Filters<T>& filters, const T* bias) {
  const Shape4 out = g.y();
  if (out.size() == 0) return;
  if (g.x.size() == 0) {  // no input channels: only the bias is left
    fill(y, T(0), out.size());
    if (bias != nullptr) add_bias(View<T>{y, out.c}, bias, out.pixels(), out.c);
    return;
  }
  auto& f = filters.implementation();
  if constexpr (Filters<T>::Implementation::kOneDnn)
    onednn::forward(g, y, x, f.packed, bias);
  else
    plain::forward(g, y, x, f.storage, bias);
}

template <class T>
void conv_backward_data(const ConvGeometry& g, T* dx, const T* dy, Filters<T>& filters) {
  if (g.x.size() == 0) return;
  if (g.y().size() == 0) return fill(dx, T(0), g.x.size());
  auto& f = filters.implementation();
  if constexpr (Filters<T>::Implementation::kOneDnn)
    onednn::backward_data(g, dx, dy, f.packed);
  else
    plain::backward_data(g, dx, dy, f.storage);
}

template <class T>
void conv_backward_filters(const ConvGeometry& g, T* dfilters, Write write, const T* x, const T* dy,
                           Filters<T>& filters) {
  if (g.x.size() == 0 || g.y().size() == 0) {
    if (write == Write::assign) fill(dfilters, T(0), filters.storage_size());
    return;
  }
  if constexpr (Filters<T>::Implementation::kOneDnn)
    onednn::backward_filters(g, dfilters, write, x, dy, filters.implementation().packed);
  else
    plain::backward_filters(g, dfilters, write, x, dy);
}

#define UPTAKE_INSTANTIATE(T)                                                              \
  template void conv_forward<T>(const ConvGeometry&, T*, const T*, Filters<T>&, const T*); \
  template void conv_backward_data<T>(const ConvGeometry&, T*, const T*, Filters<T>&);     \
  template void conv_backward_filters<T>(const ConvGeometry&, T*, Write, const T*, const T*, Filters<T>&);
UPTAKE_INSTANTIATE(float)
UPTAKE_INSTANTIATE(double)
#undef UPTAKE_INSTANTIATE

}  // namespace cpu

template class Filters<float>;
template class Filters<double>;

}  // namespace uptake::kernels
