// Test buffers on the device. A test of a kernel builds host Buffers (tests/kernels/parity.h: guards and NaN),
// moves them over, runs the kernel, and reads them back. The same test runs in the simulator, under every
// schedule of threads, and on a GPU, once.
#pragma once
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "kernels/base/device.h"
#include "tests/kernels/parity.h"

#if defined(UPTAKE_SIMULATOR)
#include "tests/simulator/simulator.h"
#endif

namespace uptake::tests {

using kernels::BFloat16;
namespace cuda = kernels::cuda;

/// A plain array on the device, an allocation of its own: what lies beyond it is out of bounds.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(const std::vector<T>& host) : buffer_(static_cast<std::int64_t>(host.size())) {
    cuda::copy_bytes(buffer_.data(), host.data(), host.size() * sizeof(T), cuda::compute_stream());
    cuda::synchronize(cuda::compute_stream());
  }
  /// `count` unspecified elements.
  explicit DeviceArray(std::int64_t count) : buffer_(count) {}

  T* data() const { return buffer_.data(); }
  std::vector<T> host() const {
    std::vector<T> values(static_cast<std::size_t>(buffer_.size()));
    cuda::copy_bytes(values.data(), data(), values.size() * sizeof(T), cuda::compute_stream());
    cuda::synchronize(cuda::compute_stream());
    return values;
  }
  std::vector<double> values() const {
    const std::vector<T> elements = host();
    std::vector<double> wide;
    for (const T& element : elements) wide.push_back(static_cast<double>(element));
    return wide;
  }

 private:
  cuda::DeviceBuffer<T> buffer_;
};

/// Numbers as T on the device; empty stays a null pointer (an optional argument left out).
template <class T>
class DeviceVector {
 public:
  explicit DeviceVector(const std::vector<double>& values) {
    if (values.empty()) return;
    std::vector<T> elements;
    for (const double v : values) elements.push_back(T(v));
    array_.emplace_back(elements);
  }
  T* data() const { return array_.empty() ? nullptr : array_[0].data(); }
  std::vector<double> values() const { return array_.empty() ? std::vector<double>{} : array_[0].values(); }

 private:
  std::vector<DeviceArray<T>> array_;
};

/// A Buffer's memory, guards included, on the device.
template <class T>
class OnDevice {
 public:
  explicit OnDevice(Buffer<T> host)
      : host_(std::move(host)), array_(host_.memory()), pitch_(host_.view().pitch) {}

  View<T> view() const { return {array_.data() + host_.offset(), pitch_}; }
  T* data() const { return view().data; }
  /// Reads it back: the view, packed; throws std::logic_error if something beside it was written.
  std::vector<double> values() {
    host_.memory() = array_.host();
    return host_.values();
  }

 private:
  Buffer<T> host_;
  DeviceArray<T> array_;
  std::int64_t pitch_;
};

/// Values rounded to T, as doubles: what a reference must be given when the kernel's storage is T.
template <class T>
std::vector<double> rounded(std::vector<double> values) {
  for (double& v : values) v = static_cast<double>(static_cast<T>(v));
  return values;
}

/// The distance from 1 to the next number that T stores: for the table of implementations.
template <class T>
double epsilon_of() {
  return std::is_same_v<T, BFloat16> ? 0x1p-7 : static_cast<double>(std::numeric_limits<float>::epsilon());
}

/// Runs `body` once a schedule of the simulator's threads; on a GPU once.
template <class Body>
void each_schedule(const Body& body) {
#if defined(UPTAKE_SIMULATOR)
  for (const sim::Schedule schedule : sim::all_schedules()) {
    sim::set_schedule(schedule);
    INFO("schedule " << std::string(sim::name(schedule)));
    body();
  }
  sim::set_schedule(sim::Schedule::forward);
#else
  body();
#endif
}

}  // namespace uptake::tests
