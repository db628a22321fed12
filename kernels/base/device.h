// The CUDA device as seen by the host: streams, events, memory, graphs. Move-only owners; every CUDA call is
// checked. No CUDA header is needed to include this one. In a build without CUDA only the first four
// functions exist.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "kernels/base/memory.h"

struct CUstream_st;
struct CUevent_st;
struct CUgraphExec_st;

namespace uptake::kernels::cuda {

/// cudaStream_t.
using StreamHandle = CUstream_st*;

/// A CUDA, cuDNN or cuBLAS call failed: its text, the error's name and meaning, file and line.
struct CudaError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Whether this build contains the CUDA backend, and cuDNN with it.
bool built_with_cuda();
bool built_with_cudnn();

/// Empty when there is a GPU that this build can use; else one sentence that says why not.
std::string why_unavailable();

/// Whether the machine shows an NVIDIA GPU or its driver, usable or not: where it does not, nobody needs to be
/// told that none is used. `root` is where /proc, /dev and /sys are looked for.
bool card_present(const std::filesystem::path& root = "/");

struct DeviceInfo {
  std::string name;
  int major = 0, minor = 0;  // compute capability
};
DeviceInfo device_info();

class Event;

/// A queue of work. Non-blocking with respect to the legacy default stream.
class Stream {
 public:
  Stream();
  ~Stream();
  Stream(Stream&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Stream& operator=(Stream&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  operator StreamHandle() const { return handle_; }

 private:
  StreamHandle handle_ = nullptr;
};

/// The stream all operations of nn/ run on.
StreamHandle compute_stream();

/// Blocks until everything enqueued on the stream is done; errors of that work surface here.
void synchronize(StreamHandle stream);

/// A point in a stream.
class Event {
 public:
  enum class Timing { off, on };
  explicit Event(Timing timing = Timing::off);
  ~Event();
  Event(Event&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Event& operator=(Event&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }

  void record(StreamHandle stream);
  bool done() const;                          // true before the first record
  void wait() const;                          // the host waits
  void make_wait(StreamHandle stream) const;  // the stream waits
  /// Milliseconds from `start` to this one; both have timing on and are done.
  float since(const Event& start) const;

 private:
  CUevent_st* handle_ = nullptr;
};

/// cudaMalloc and cudaFree; 0 bytes are a null pointer.
std::byte* allocate_bytes(std::size_t bytes);
void release_bytes(std::byte* block) noexcept;

/// A device allocation of its own (not from the pool): `count` elements, contents unspecified.
template <class T>
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  explicit DeviceBuffer(std::int64_t count)
      : data_(reinterpret_cast<T*>(allocate_bytes(static_cast<std::size_t>(count) * sizeof(T)))),
        count_(count) {}
  ~DeviceBuffer() {
    if (data_ != nullptr) release_bytes(reinterpret_cast<std::byte*>(data_));
  }
  DeviceBuffer(DeviceBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), count_(std::exchange(other.count_, 0)) {}
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
    return *this;
  }
  T* data() const { return data_; }
  std::int64_t size() const { return count_; }

 private:
  T* data_ = nullptr;
  std::int64_t count_ = 0;
};

/// Page-locked host memory, which the device copies from and to while both go on.
class PinnedBuffer {
 public:
  PinnedBuffer() = default;
  explicit PinnedBuffer(std::size_t bytes);
  ~PinnedBuffer();
  PinnedBuffer(PinnedBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  PinnedBuffer& operator=(PinnedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  template <class T = std::byte>
  T* data() const {
    return reinterpret_cast<T*>(data_);
  }
  std::size_t bytes() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Enqueues a copy in any direction. From or to pageable host memory it may block.
void copy_bytes(void* to, const void* from, std::size_t bytes, StreamHandle stream);
/// Enqueues setting every byte.
void set_bytes(void* to, int value, std::size_t bytes, StreamHandle stream);

/// The pool device tensors come from. Memory that is let go is used again by work enqueued later on the
/// compute stream, so only work on that stream may touch pool memory, unless events order it.
MemoryPool& device_memory();

class Arena;  // kernels/base/arena.h
/// Memory from the active arena, or from the pool when there is none.
std::shared_ptr<std::byte> allocate_on_device(std::size_t bytes);

/// Scratch memory of a kernel launcher: may be let go as soon as the kernels that use it are enqueued.
template <class T>
class Scratch {
 public:
  explicit Scratch(std::int64_t count)
      : block_(allocate_on_device(static_cast<std::size_t>(count) * sizeof(T))) {}
  T* data() const { return reinterpret_cast<T*>(block_.get()); }

 private:
  std::shared_ptr<std::byte> block_;
};

/// A recorded sequence of work, enqueued again as one call.
class Graph {
 public:
  Graph() = default;
  /// Records what `work` enqueues on the stream (and on streams joined to it by events) without running it.
  /// `work` must not synchronise or allocate from the driver.
  static Graph capture(StreamHandle stream, const std::function<void()>& work);
  ~Graph();
  Graph(Graph&& other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)), nodes_(std::exchange(other.nodes_, 0)) {}
  Graph& operator=(Graph&& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(nodes_, other.nodes_);
    return *this;
  }
  explicit operator bool() const { return handle_ != nullptr; }
  void launch(StreamHandle stream) const;
  std::size_t node_count() const { return nodes_; }

 private:
  CUgraphExec_st* handle_ = nullptr;
  std::size_t nodes_ = 0;
};

}  // namespace uptake::kernels::cuda
