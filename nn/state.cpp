#include "nn/state.h"

#include <algorithm>

#include "io/base/file.h"

namespace uptake::nn {
namespace {

std::string text(const std::vector<std::int64_t>& shape) {
  std::string s = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) s += (i ? "," : "") + std::to_string(shape[i]);
  return s + "]";
}

void put(io::Safetensors& file, const std::string& name, const std::vector<std::int64_t>& shape,
         const Tensor& plain) {
  const Tensor values = plain.to(Device::cpu).to(DType::f32);
  file.put(name, shape,
           std::span<const float>(values.data<float>(), static_cast<std::size_t>(values.size())));
}

void require_tensor(const io::Safetensors& file, const std::string& name,
                    const std::vector<std::int64_t>& shape) {
  if (!file.has(name))
    throw io::FileError(file.source, "holds no tensor " + name + ", which the network needs");
  const io::TensorEntry& entry = file.at(name);
  if (entry.shape != shape)
    throw io::FileError(file.source,
                        "tensor " + name + " is " + text(entry.shape) + ", the network needs " + text(shape));
}

Tensor get(const io::Safetensors& file, const std::string& name, const std::vector<std::int64_t>& shape,
           DType dtype) {
  require_tensor(file, name, shape);
  const std::vector<float> values = file.as_f32(name);
  const Tensor plain = Tensor::empty({1, 1, 1, static_cast<std::int64_t>(values.size())}, DType::f32);
  std::ranges::copy(values, plain.data<float>());
  if (!plain.all_finite())
    throw io::FileError(file.source, "tensor " + name + " holds numbers that are not finite");
  return plain.to(dtype);
}

std::int64_t get_counter(const io::Safetensors& file, const std::string& name) {
  if (!file.has(name)) return 0;
  const auto values = file.at(name).dtype == io::DType::i64
                          ? file.as_i64(name)
                          : std::vector{static_cast<std::int64_t>(file.as_f32(name).at(0))};
  if (values.size() != 1) throw io::FileError(file.source, "counter " + name + " is not one number");
  return values[0];
}

}  // namespace

void put_state(io::Safetensors& file, const std::string& prefix, const ParameterStore& store) {
  for (const auto& entry : store.entries()) {
    const std::string name = prefix + entry.name;
    if (const auto* p = std::get_if<Parameter*>(&entry.what)) {
      put(file, name, entry.shape, store.to_plain(**p, store.values()));
    } else if (const auto* b = std::get_if<Buffer*>(&entry.what)) {
      put(file, name, entry.shape, (*b)->values);
    } else {
      const std::int64_t value = std::get<Counter*>(entry.what)->value;
      file.put(name, {}, std::span<const std::int64_t>(&value, 1));
    }
  }
}

void require_state(const io::Safetensors& file, const std::string& prefix, const ParameterStore& store) {
  for (const auto& entry : store.entries())
    if (!std::holds_alternative<Counter*>(entry.what)) require_tensor(file, prefix + entry.name, entry.shape);
}

void get_state(const io::Safetensors& file, const std::string& prefix, ParameterStore& store) {
  std::vector<Tensor> tensors;  // all of them, before anything is changed
  std::vector<std::int64_t> counts;
  for (const auto& entry : store.entries()) {
    if (std::holds_alternative<Counter*>(entry.what))
      counts.push_back(get_counter(file, prefix + entry.name));
    else
      tensors.push_back(get(file, prefix + entry.name, entry.shape, store.master_dtype()));
  }
  auto tensor = tensors.begin();
  auto count = counts.begin();
  for (const auto& entry : store.entries()) {
    if (const auto* p = std::get_if<Parameter*>(&entry.what))
      store.from_plain(**p, store.values(), *tensor++);
    else if (const auto* b = std::get_if<Buffer*>(&entry.what))
      (*b)->values.copy_from(*tensor++);
    else
      std::get<Counter*>(entry.what)->value = *count++;
  }
  store.changed();
}

void put_adam(io::Safetensors& file, const std::string& prefix, const ParameterStore& store,
              const Adam& adam) {
  for (const Parameter& p : store.parameters()) {
    put(file, prefix + "m." + p.name, p.shape, store.to_plain(p, adam.first_moments()));
    put(file, prefix + "v." + p.name, p.shape, store.to_plain(p, adam.second_moments()));
  }
}

void get_adam(const io::Safetensors& file, const std::string& prefix, const ParameterStore& store,
              Adam& adam) {
  for (const Parameter& p : store.parameters()) {
    store.from_plain(p, adam.first_moments(),
                     get(file, prefix + "m." + p.name, p.shape, store.master_dtype()));
    store.from_plain(p, adam.second_moments(),
                     get(file, prefix + "v." + p.name, p.shape, store.master_dtype()));
  }
}

}  // namespace uptake::nn
