#include "kernels/conv/cudnn/cudnn_graph.h"

#include <algorithm>
#include <array>

namespace uptake::kernels::cuda::cudnn {

std::string describe(const std::string& call, cudnnStatus_t status) {
  std::array<char, 1024> last{};
  cudnnGetLastErrorString(last.data(), last.size());
  last.back() = '\0';
  std::string text = "cuDNN: " + call + ": " + cudnnGetErrorString(status);
  if (last.front() != '\0') text += std::string(": ") + last.data();
  return text;
}

void check(cudnnStatus_t status, std::string_view call) {
  if (status != CUDNN_STATUS_SUCCESS) throw CudaError(describe(std::string(call), status));
}

namespace {

// The text of a call is only put together when it failed.
void check_attribute(cudnnStatus_t status, const char* what, Attribute name) {
  if (status != CUDNN_STATUS_SUCCESS)
    throw CudaError(describe(what + std::to_string(static_cast<int>(name)), status));
}

}  // namespace

Descriptor::Descriptor(cudnnBackendDescriptorType_t type) {
  const cudnnStatus_t status = cudnnBackendCreateDescriptor(type, &handle_);
  if (status != CUDNN_STATUS_SUCCESS)
    throw CudaError(
        describe("cudnnBackendCreateDescriptor of type " + std::to_string(static_cast<int>(type)), status));
}

Descriptor& Descriptor::set_raw(Attribute name, cudnnBackendAttributeType_t type, std::size_t count,
                                const void* values) {
  check_attribute(cudnnBackendSetAttribute(handle_, name, type, static_cast<std::int64_t>(count), values),
                  "cudnnBackendSetAttribute of ", name);
  return *this;
}

Descriptor& Descriptor::set_all(Attribute name, std::span<const Descriptor> values) {
  std::vector<cudnnBackendDescriptor_t> handles;
  for (const Descriptor& value : values) handles.push_back(value.handle_);
  return set_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, handles.size(), handles.data());
}

std::size_t Descriptor::get_raw(Attribute name, cudnnBackendAttributeType_t type, std::size_t capacity,
                                void* values) const {
  std::int64_t found = 0;
  check_attribute(
      cudnnBackendGetAttribute(handle_, name, type, static_cast<std::int64_t>(capacity), &found, values),
      "cudnnBackendGetAttribute of ", name);
  return std::min(capacity, static_cast<std::size_t>(found));
}

std::size_t Descriptor::count(Attribute name, cudnnBackendAttributeType_t type) const {
  std::int64_t found = 0;
  check_attribute(cudnnBackendGetAttribute(handle_, name, type, 0, &found, nullptr),
                  "cudnnBackendGetAttribute of ", name);
  return static_cast<std::size_t>(found);
}

Descriptor& Descriptor::finalize() {
  check(cudnnBackendFinalize(handle_), "cudnnBackendFinalize");
  return *this;
}

bool Descriptor::try_finalize(std::string* why_not) {
  const cudnnStatus_t status = cudnnBackendFinalize(handle_);
  if (status != CUDNN_STATUS_SUCCESS && why_not != nullptr)
    *why_not = describe("cudnnBackendFinalize", status);
  return status == CUDNN_STATUS_SUCCESS;
}

std::vector<Descriptor> Descriptor::descriptors(Attribute name, cudnnBackendDescriptorType_t type,
                                                std::size_t most) const {
  // Some attributes give their count only together with their values.
  const std::size_t wanted = most == kAll ? count(name, CUDNN_TYPE_BACKEND_DESCRIPTOR) : most;
  std::vector<Descriptor> owners;
  std::vector<cudnnBackendDescriptor_t> handles;
  for (std::size_t i = 0; i < wanted; ++i) handles.push_back(owners.emplace_back(type).get());
  if (wanted == 0) return owners;
  // cuDNN fills descriptors that the caller has created.
  const std::size_t found = get_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, wanted, handles.data());
  while (owners.size() > found) owners.pop_back();
  return owners;
}

namespace {

// Never destroyed: at the end of the process the driver may be gone before it.
struct ProcessHandle {
  std::mutex mutex;
  cudnnHandle_t handle = nullptr;
};
ProcessHandle& process_handle() {
  static auto* const process = new ProcessHandle;
  return *process;
}

}  // namespace

Handle::Handle(StreamHandle stream) : lock_(process_handle().mutex) {
  ProcessHandle& process = process_handle();
  if (process.handle == nullptr) check(cudnnCreate(&process.handle), "cudnnCreate");
  handle_ = process.handle;
  check(cudnnSetStream(handle_, stream), "cudnnSetStream");
}

Target Target::this_device(cudnnHandle_t handle) { return Target(handle, {}); }

Target Target::described(std::string_view json) {
  std::vector<Descriptor> properties;
  properties.emplace_back(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR)
      .set_all(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, std::span<const char>(json))
      .finalize();
  return Target(nullptr, std::move(properties));
}

void Target::apply_properties(Descriptor& to, Attribute name) const {
  if (!properties_.empty()) to.set(name, properties_.front());
}

void Target::apply_to_graph(Descriptor& graph) const {
  if (handle_ != nullptr) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, handle_);
}

void Target::apply_to_heuristic(Descriptor& heuristic) const {
  apply_properties(heuristic, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP);
}

void Target::apply_to_engine(Descriptor& engine) const {
  apply_properties(engine, CUDNN_ATTR_ENGINE_DEVICEPROP);
}

void Target::apply_to_plan(Descriptor& plan) const {
  if (handle_ != nullptr) plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, handle_);
  apply_properties(plan, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP);
}

}  // namespace uptake::kernels::cuda::cudnn
