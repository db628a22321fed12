// How two implementations of one operation are held against each other.
//
// An operation has a table of implementations: the reference, the CPU in float and in double, and so on. Each
// maps a case (sizes, options, inputs) to named results in double. The two sides of a comparison are named,
// come from the table, and must not be the same one: a thing compared with itself always agrees.
#pragma once
#include <doctest/doctest.h>
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/base/host.h"
#include "kernels/base/types.h"

namespace uptake::tests {

using kernels::View;
using kernels::Write;

/// One tensor that an operation computed.
struct Result {
  std::string name;
  std::vector<double> values;
};
using Results = std::vector<Result>;

/// |a - b| <= (factor * sqrt(length) * eps + sqrt(truth_length) * eps of b) * max(scale, largest |b| of the
/// result). Why: each of `length` additions rounds by eps/2 of its operands at most, and independent
/// roundings grow like the square root of their number; `factor` covers the few operations around the sum,
/// `scale` the size of terms that cancel in the result.
struct Tolerance {
  double length = 1;
  double factor = 4;
  double scale = 1;
  double truth_length = 1;
};

template <class Case>
struct Implementation {
  std::string name;
  double eps;  // distance from 1 to the next number of its arithmetic
  std::function<Results(const Case&)> run;
};

struct Agreement {
  bool ok = true;
  std::string message;
};

template <class Case>
class ImplementationTable {
 public:
  /// Throws std::logic_error if two implementations share a name.
  ImplementationTable(std::string operation, std::vector<Implementation<Case>> implementations)
      : operation_(std::move(operation)), implementations_(std::move(implementations)) {
    for (const auto& a : implementations_)
      if (std::count_if(implementations_.begin(), implementations_.end(),
                        [&](const auto& b) { return b.name == a.name; }) != 1)
        throw std::logic_error(operation_ + ": two implementations are called " + a.name);
  }

  /// Throws std::logic_error if the two names are one, or not in the table.
  Agreement compare(const std::string& name, const std::string& truth_name, const Case& test_case,
                    const Tolerance& tolerance) const {
    if (name == truth_name) throw std::logic_error(operation_ + ": " + name + " compared with itself");
    const auto &a = find(name), &b = find(truth_name);
    const double eps = std::max(a.eps, b.eps);
    const Results results = a.run(test_case), truths = b.run(test_case);
    Agreement agreement{results.size() == truths.size(), {}};
    std::ostringstream text;
    text.precision(12);
    text << operation_ << ": " << name << " against " << truth_name << " on " << test_case.describe() << ": ";
    for (std::size_t k = 0; agreement.ok && k < truths.size(); ++k) {
      const auto &values = results[k].values, &expected = truths[k].values;
      agreement.ok = results[k].name == truths[k].name && values.size() == expected.size();
      double largest = tolerance.scale;
      for (const double v : expected) largest = std::max(largest, std::abs(v));
      const double bound = (tolerance.factor * std::sqrt(std::max(1.0, tolerance.length)) * eps +
                            std::sqrt(tolerance.truth_length) * b.eps) *
                           largest;
      for (std::size_t i = 0; agreement.ok && i < expected.size(); ++i)
        if (!(std::abs(values[i] - expected[i]) <= bound)) {
          agreement.ok = false;
          text << truths[k].name << "[" << i << "] is " << values[i] << ", expected " << expected[i]
               << " within " << bound;
        }
    }
    agreement.message = text.str();
    return agreement;
  }

  /// Every implementation against "reference".
  void check_all(const Case& test_case, const Tolerance& tolerance) const {
    for (const auto& implementation : implementations_) {
      if (implementation.name == "reference") continue;
      const Agreement agreement = compare(implementation.name, "reference", test_case, tolerance);
      CHECK_MESSAGE(agreement.ok, agreement.message);
    }
  }

 private:
  const Implementation<Case>& find(const std::string& name) const {
    for (const auto& implementation : implementations_)
      if (implementation.name == name) return implementation;
    throw std::logic_error(operation_ + ": no implementation is called " + name);
  }

  std::string operation_;
  std::vector<Implementation<Case>> implementations_;
};

/// Memory of a [pixels,c] view inside something larger. What is around the view holds a known number; the
/// view itself starts as NaN or as given. A kernel that forgets an element leaves a NaN, one that writes
/// beside the view is found by values().
template <class T>
class Buffer {
 public:
  Buffer(std::int64_t pixels, std::int64_t c, std::int64_t extra_pitch)
      : pixels_(pixels), c_(c), extra_(extra_pitch), pitch_(c + extra_pitch) {
    memory_.assign(static_cast<std::size_t>(2 * kGuard + pixels * pitch_), around());
    for_each([](T& value, std::size_t) { value = T(std::nan("")); });
  }
  Buffer(std::int64_t pixels, std::int64_t c, std::int64_t extra_pitch, const std::vector<double>& packed)
      : Buffer(pixels, c, extra_pitch) {
    for_each([&](T& value, std::size_t i) { value = static_cast<T>(packed.at(i)); });
  }

  View<T> view() { return {memory_.data() + offset(), pitch_}; }
  T* data() { return view().data; }

  /// Everything, guards included, for a copy on a device; the view starts at element `offset()`.
  std::vector<T>& memory() { return memory_; }
  std::int64_t offset() const { return kGuard + extra_ / 2; }

  /// The view, packed; throws std::logic_error if something beside it was written.
  std::vector<double> values() {
    std::vector<double> packed;
    std::vector<T> beside = memory_;
    std::swap(beside, memory_);
    for_each([](T& value, std::size_t) { value = around(); });
    std::swap(beside, memory_);
    for (std::size_t i = 0; i < beside.size(); ++i)
      if (beside[i] != around()) throw std::logic_error("wrote beside the view, at " + std::to_string(i));
    for_each([&](T& value, std::size_t) { packed.push_back(static_cast<double>(value)); });
    return packed;
  }

 private:
  template <class Use>
  void for_each(const Use& use) {
    std::size_t i = 0;
    for (std::int64_t p = 0; p < pixels_; ++p)
      for (std::int64_t k = 0; k < c_; ++k) use(view().data[p * pitch_ + k], i++);
  }

  static constexpr std::int64_t kGuard = 5;
  static T around() { return T(-12345.5); }
  std::int64_t pixels_, c_, extra_, pitch_;
  std::vector<T> memory_;
};

/// What an output buffer starts from: NaN to be replaced, or numbers to be added to.
template <class T>
Buffer<T> output_buffer(std::int64_t pixels, std::int64_t c, std::int64_t extra_pitch, Write write,
                        const std::vector<double>& before) {
  return write == Write::assign ? Buffer<T>(pixels, c, extra_pitch)
                                : Buffer<T>(pixels, c, extra_pitch, before);
}

/// The reference's side of the same rule.
inline std::vector<double> written(std::vector<double> result, Write write,
                                   const std::vector<double>& before) {
  if (write == Write::add)
    for (std::size_t i = 0; i < result.size(); ++i) result[i] += before.at(i);
  return result;
}

/// `count` numbers in [low,high), each one exactly a float, so that every implementation sees the same
/// inputs.
inline std::vector<double> random_values(std::uint64_t seed, std::int64_t count, double low = -2,
                                         double high = 2) {
  std::mt19937_64 random(seed);
  std::vector<double> values(static_cast<std::size_t>(count));
  for (double& v : values)
    v = static_cast<float>(low + (high - low) * (static_cast<double>(random() >> 11) * 0x1p-53));
  return values;
}

template <class T>
std::vector<T> to(const std::vector<double>& values) {
  return std::vector<T>(values.begin(), values.end());
}

inline double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b.at(i);
  return sum;
}

/// Runs the same thing on one, two and three threads and checks that not a bit differs.
inline void check_same_bits_on_any_threads(const std::function<Results()>& run) {
  const int before = kernels::threads();
  kernels::set_threads(1);
  const Results one = run();
  for (const int threads : {2, 3}) {
    kernels::set_threads(threads);
    const Results more = run();
    REQUIRE(more.size() == one.size());
    for (std::size_t k = 0; k < one.size(); ++k) {
      REQUIRE(more[k].values.size() == one[k].values.size());
      std::size_t different = 0;
      for (std::size_t i = 0; i < one[k].values.size(); ++i)
        different +=
            std::bit_cast<std::uint64_t>(one[k].values[i]) != std::bit_cast<std::uint64_t>(more[k].values[i]);
      CHECK_MESSAGE(different == 0,
                    one[k].name << " differs in " << different << " elements on " << threads << " threads");
    }
  }
  kernels::set_threads(before);
}

/// [pixels,c] sizes that break loops which only work on round numbers. The last is shared between threads.
struct MatrixSize {
  std::int64_t pixels, c;
};
inline const std::vector<MatrixSize>& odd_sizes() {
  static const std::vector<MatrixSize> sizes = {{1, 1},  {1, 31}, {31, 1}, {33, 7},   {7, 33},   {13, 32},
                                                {64, 8}, {0, 5},  {5, 0},  {17, 257}, {1031, 37}};
  return sizes;
}

}  // namespace uptake::tests
