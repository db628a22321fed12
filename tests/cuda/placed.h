// Matrices on the device at a chosen place: on an address that packs of 16 bytes need or beside one, with a
// chosen pitch. Kernels move packs or single elements accordingly, and both ways are to be tested.
#pragma once
#include "tests/cuda/on_device.h"

namespace uptake::tests {

/// The first element lies `lead` elements behind an address that is a multiple of 256 bytes; the pitch is
/// c + extra_pitch.
struct Layout {
  std::int64_t extra_pitch = 0, lead = 16;
  std::string describe() const {
    return " pitch +" + std::to_string(extra_pitch) + " behind " + std::to_string(lead);
  }
};

/// Places to try a matrix of c channels at. c a multiple of 8 allows packs in the first and third.
inline std::vector<Layout> layouts(std::int64_t c) {
  if (c % 8 == 0) return {{0, 16}, {0, 5}, {8, 8}, {3, 16}};
  return {{0, 16}, {8 - c % 8, 8}, {3, 5}};  // the second: packs, and a rest at the end of each pixel
}

template <class T>
class Placed {
 public:
  /// Numbers to be read. Nothing lies behind the last one: whoever reads further is out of bounds.
  static Placed input(std::int64_t pixels, std::int64_t c, Layout layout, const std::vector<double>& packed) {
    return Placed(pixels, c, layout, 0, &packed);
  }
  /// NaN to be replaced, or numbers to be added to, between guards.
  static Placed output(std::int64_t pixels, std::int64_t c, Layout layout, Write write,
                       const std::vector<double>& before) {
    return Placed(pixels, c, layout, layout.lead, write == Write::add ? &before : nullptr);
  }

  View<T> view() const { return {array_[0].data() + lead_, pitch_}; }
  T* data() const { return view().data; }

  /// Reads it back: the matrix, packed; throws std::logic_error if something beside it was written.
  std::vector<double> values() const {
    const std::vector<T> memory = array_[0].host();
    std::vector<double> packed;
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(memory.size()); ++i) {
      const T value = memory[static_cast<std::size_t>(i)];
      if (inside(i))
        packed.push_back(static_cast<double>(value));
      else if (value != around())
        throw std::logic_error("wrote beside the matrix, at " + std::to_string(i));
    }
    return packed;
  }

 private:
  Placed(std::int64_t pixels, std::int64_t c, Layout layout, std::int64_t behind,
         const std::vector<double>* packed)
      : pixels_(pixels), c_(c), lead_(layout.lead), pitch_(c + layout.extra_pitch) {
    const std::int64_t used = pixels * c == 0 ? 0 : (pixels - 1) * pitch_ + c;
    std::vector<T> memory(static_cast<std::size_t>(lead_ + used + behind));
    std::size_t next = 0;
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(memory.size()); ++i)
      memory[static_cast<std::size_t>(i)] = !inside(i)          ? around()
                                            : packed != nullptr ? T(packed->at(next++))
                                                                : T(std::nan(""));
    array_.emplace_back(memory);
  }

  /// Whether element i of the memory belongs to the matrix.
  bool inside(std::int64_t i) const {
    const std::int64_t offset = i - lead_;
    return offset >= 0 && c_ > 0 && offset / pitch_ < pixels_ && offset % pitch_ < c_;
  }
  static T around() { return T(-12345.5); }

  std::int64_t pixels_, c_, lead_, pitch_;
  std::vector<DeviceArray<T>> array_;
};

/// Runs the same thing twice under every schedule and checks that not a bit differs.
inline void check_same_bits_under_all_schedules(const std::function<Results()>& run) {
  std::vector<Results> runs;
  each_schedule([&] {
    runs.push_back(run());
    runs.push_back(run());
  });
  const Results& first = runs[0];
  for (const Results& other : runs) {
    REQUIRE(other.size() == first.size());
    for (std::size_t k = 0; k < first.size(); ++k) {
      REQUIRE(other[k].values.size() == first[k].values.size());
      std::size_t different = 0;
      for (std::size_t i = 0; i < first[k].values.size(); ++i)
        different += std::bit_cast<std::uint64_t>(first[k].values[i]) !=
                     std::bit_cast<std::uint64_t>(other[k].values[i]);
      CHECK_MESSAGE(different == 0, first[k].name << " differs in " << different << " elements");
    }
  }
}

/// How far a result stored as T may be from the truth when everything was computed in float: `float_roundings`
/// float roundings of the largest number involved, and half a step of T for the storing.
template <class T>
double storing_factor(double float_roundings) {
  return std::is_same_v<T, BFloat16> ? 0.5 + float_roundings * 0x1p-16 : float_roundings;
}

template <class T>
std::string name_of() {
  return std::is_same_v<T, BFloat16> ? "cuda bfloat16" : "cuda float";
}

}  // namespace uptake::tests
