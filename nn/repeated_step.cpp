#include "nn/repeated_step.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>

#include "nn/backend.h"
#ifdef UPTAKE_HAS_CUDA
#include "kernels/base/arena.h"
#endif

namespace uptake::nn {
namespace {

using HostWork = std::vector<std::function<void()>>;

thread_local HostWork* recording = nullptr;  // of the step that this thread records

}  // namespace

void in_every_run(std::function<void()> work) {
  work();
  if (recording != nullptr) recording->push_back(std::move(work));
}

struct RepeatedStep::Machine {
  virtual ~Machine() = default;
  virtual void start(std::span<const Tensor> inputs, std::uint32_t step_number, const Body& body) = 0;
  virtual std::optional<std::vector<double>> next_results(bool wait) = 0;
  virtual std::size_t pending() const = 0;
  virtual std::size_t graph_nodes() const { return 0; }
  virtual std::int64_t arena_bytes() const { return 0; }
};

struct RepeatedStep::OnCpu : Machine {
  explicit OnCpu(int results) : count(results) {}

  void start(std::span<const Tensor> inputs, std::uint32_t, const Body& body) override {
    const Tensor results = Tensor::empty({1, 1, 1, count}, DType::f64);
    body({inputs, results, nullptr});
    finished.emplace_back(results.data<double>(), results.data<double>() + count);
  }
  std::optional<std::vector<double>> next_results(bool) override {
    if (finished.empty()) return std::nullopt;
    std::vector<double> oldest = std::move(finished.front());
    finished.pop_front();
    return oldest;
  }
  std::size_t pending() const override { return finished.size(); }

  std::int64_t count;
  std::deque<std::vector<double>> finished;
};

#ifdef UPTAKE_HAS_CUDA
namespace cuda = kernels::cuda;
namespace {

constexpr int kSlots = 3;               // one being filled, one on its way, one in use
constexpr std::size_t kMostShapes = 4;  // of batches whose memory and graph are kept

// One batch on its way: page-locked memory, and where it lands on the device.
struct Upload {
  std::vector<cuda::PinnedBuffer> pinned;
  std::vector<Tensor> landed;
  cuda::Event uploaded, consumed;
};

// Everything that belongs to one shape of batch.
struct Variant {
  std::vector<Shape> shapes;
  std::array<Upload, kSlots> slots;
  std::size_t next_slot = 0;
  std::vector<Tensor> inputs;  // where the step reads its batch
  cuda::Arena arena;
  cuda::Graph graph;
  HostWork host_work;  // what the graph cannot do
};

// While alive, in_every_run() takes note.
struct Recording {
  explicit Recording(HostWork& work) { recording = &work; }
  ~Recording() { recording = nullptr; }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
};

struct PendingResults {
  cuda::PinnedBuffer values;
  cuda::Event arrived;
};

std::size_t bytes_of(const Tensor& t) { return static_cast<std::size_t>(t.size()) * nn::bytes_of(t.dtype()); }

}  // namespace

struct RepeatedStep::OnGpu : Machine {
  explicit OnGpu(const Options& o)
      : options(o),
        results(Tensor::empty({1, 1, 1, o.results}, DType::f64, Device::cuda)),
        step_number(Tensor::vector(1, DType::f32, Device::cuda)) {}
  ~OnGpu() override {
    try {  // nothing may be on its way into memory that is about to go
      cuda::synchronize(compute);
      cuda::synchronize(copy);
    } catch (const cuda::CudaError&) {  // it was or will be reported where it matters
    }
  }

  void start(std::span<const Tensor> batch, std::uint32_t number, const Body& body) override {
    Variant& v = variant_for(batch);
    upload(v, batch);
    auto* const number_on_device = reinterpret_cast<std::uint32_t*>(step_number.data<float>());
    cuda::store_words(number_on_device, {number}, 1, compute);
    const Work work{v.inputs, results, number_on_device};

    const bool replay = static_cast<bool>(v.graph);
    if (!replay && options.graph && v.arena.steady()) {
      const cuda::ArenaScope scope(v.arena);
      const Recording scope_of_host_work(v.host_work);
      v.graph = cuda::Graph::capture(compute, [&] { body(work); });
    } else if (!replay) {
      const cuda::ArenaScope scope(v.arena);
      body(work);
    } else {
      for (const auto& work_of_host : v.host_work) work_of_host();
    }
    if (v.graph) v.graph.launch(compute);
    latest = &v;
    read_back();
  }

  std::optional<std::vector<double>> next_results(bool wait) override {
    if (on_their_way.empty()) return std::nullopt;
    PendingResults& oldest = on_their_way.front();
    if (wait)
      oldest.arrived.wait();
    else if (!oldest.arrived.done())
      return std::nullopt;
    const auto* values = oldest.values.data<double>();
    std::vector<double> numbers(values, values + options.results);
    spare.push_back(std::move(oldest));
    on_their_way.pop_front();
    return numbers;
  }
  std::size_t pending() const override { return on_their_way.size(); }
  std::size_t graph_nodes() const override { return latest ? latest->graph.node_count() : 0; }
  std::int64_t arena_bytes() const override { return latest ? latest->arena.planned_bytes() : 0; }

 private:
  Variant& variant_for(std::span<const Tensor> batch) {
    std::vector<Shape> shapes;
    for (const Tensor& t : batch) shapes.push_back(t.shape());
    const auto known = std::ranges::find_if(variants, [&](const auto& v) { return v->shapes == shapes; });
    if (known != variants.end()) {  // the latest is the last
      std::rotate(known, known + 1, variants.end());
      return *variants.back();
    }
    if (variants.size() == kMostShapes) {
      cuda::synchronize(compute);
      cuda::synchronize(copy);
      variants.erase(variants.begin());
      cuda::device_memory().trim();
    }
    Variant& v = *variants.emplace_back(std::make_unique<Variant>());
    v.shapes = shapes;
    for (const Tensor& t : batch) {
      v.inputs.push_back(Tensor::empty(t.shape(), options.dtype, Device::cuda));
      for (Upload& slot : v.slots) {
        slot.pinned.emplace_back(bytes_of(t));
        slot.landed.push_back(Tensor::empty(t.shape(), DType::f32, Device::cuda));
      }
    }
    // The pool may hand out memory that enqueued work still uses; the copy stream must not run ahead of it.
    for (Upload& slot : v.slots) slot.consumed.record(compute);
    return v;
  }

  void upload(Variant& v, std::span<const Tensor> batch) {
    Upload& slot = v.slots[v.next_slot];
    v.next_slot = (v.next_slot + 1) % kSlots;
    slot.uploaded.wait();  // of three steps ago
    slot.consumed.make_wait(copy);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      std::memcpy(slot.pinned[i].data(), batch[i].data<float>(), bytes_of(batch[i]));
      cuda::copy_bytes(slot.landed[i].data<float>(), slot.pinned[i].data(), bytes_of(batch[i]), copy);
    }
    slot.uploaded.record(copy);
    slot.uploaded.make_wait(compute);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (options.dtype == DType::f32)
        v.inputs[i].copy_from(slot.landed[i]);
      else
        convert_on_device(v.inputs[i], slot.landed[i]);
    }
    slot.consumed.record(compute);
  }

  void read_back() {
    if (spare.empty()) spare.push_back({cuda::PinnedBuffer(bytes_of(results)), cuda::Event()});
    PendingResults& place = on_their_way.emplace_back(std::move(spare.back()));
    spare.pop_back();
    cuda::copy_bytes(place.values.data(), results.data<double>(), bytes_of(results), compute);
    place.arrived.record(compute);
  }

  Options options;
  cuda::StreamHandle compute = cuda::compute_stream();
  cuda::Stream copy;
  Tensor results, step_number;
  std::vector<std::unique_ptr<Variant>> variants;
  Variant* latest = nullptr;
  std::deque<PendingResults> on_their_way;
  std::vector<PendingResults> spare;
};
#else
struct RepeatedStep::OnGpu : OnCpu {
  explicit OnGpu(const Options& o) : OnCpu(o.results) {
    throw std::logic_error("this build has no CUDA backend");
  }
};
#endif

RepeatedStep::RepeatedStep(const Options& options) {
  if (options.device == Device::cuda)
    machine_ = std::make_unique<OnGpu>(options);
  else
    machine_ = std::make_unique<OnCpu>(options.results);
}
RepeatedStep::~RepeatedStep() = default;
RepeatedStep::RepeatedStep(RepeatedStep&&) noexcept = default;
RepeatedStep& RepeatedStep::operator=(RepeatedStep&&) noexcept = default;

void RepeatedStep::start(std::span<const Tensor> inputs, std::uint32_t step_number, const Body& body) {
  machine_->start(inputs, step_number, body);
}
std::optional<std::vector<double>> RepeatedStep::next_results(bool wait) {
  return machine_->next_results(wait);
}
std::size_t RepeatedStep::pending() const { return machine_->pending(); }
std::size_t RepeatedStep::graph_nodes() const { return machine_->graph_nodes(); }
std::int64_t RepeatedStep::arena_bytes() const { return machine_->arena_bytes(); }

}  // namespace uptake::nn
