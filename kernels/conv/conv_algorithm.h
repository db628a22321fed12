// A way to compute convolutions, as a row of its backend's table. A new one is a file that defines the two functions,
// and a row in conv_cpu.cpp or conv_cuda.cpp. Internal to kernels/.
#pragma once
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/conv/conv.h"

namespace uptake::kernels {

template <class T>
struct ConvAlgorithm {
  const char* name;
  /// Judged by operation, sizes and addresses.
  bool (*supports)(const ConvCall<T>& call);
  /// The stream is null on the CPU.
  void (*run)(const ConvCall<T>& call, const ConvOptions& options, cuda::StreamHandle stream);
};

/// The algorithms of a backend, the fastest first.
namespace cpu {
template <class T>
std::span<const ConvAlgorithm<T>> conv_table();
}
namespace cuda {
template <class T>
std::span<const ConvAlgorithm<T>> conv_table();
}

/// Supports nothing: of an algorithm for another T, and of a name that stands for all rows below it.
template <class T>
bool supports_nothing(const ConvCall<T>&) {
  return false;
}

/// "a, b and c".
inline std::string listed(const std::vector<std::string>& names) {
  std::string list;
  for (std::size_t i = 0; i < names.size(); ++i)
    list += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  return list;
}

template <class T>
std::vector<std::string> names_of(std::span<const ConvAlgorithm<T>> table) {
  std::vector<std::string> names;
  for (const auto& row : table) names.emplace_back(row.name);
  return names;
}

/// The row that computes a call: from the named one on the first that supports it. The last one supports everything.
template <class T>
const ConvAlgorithm<T>& algorithm_for(std::span<const ConvAlgorithm<T>> table, const ConvCall<T>& call,
                                      const std::string& name) {
  auto row = table.begin();
  if (name != "auto")
    while (row != table.end() && name != row->name) ++row;
  if (row == table.end())
    throw std::invalid_argument("convolution: there is no algorithm '" + name + "' here, there are " +
                                listed(names_of(table)));
  while (!row->supports(call)) ++row;
  return *row;
}

/// Runs it, unless there is nothing to write.
template <class T>
void run_conv(std::span<const ConvAlgorithm<T>> table, const ConvCall<T>& call, const ConvOptions& options,
              cuda::StreamHandle stream) {
  const bool filters = call.operation == ConvOperation::backward_filters;
  const auto size = filters ? call.geometry.filters.size() : call.output_shape().size();
  call.geometry.check();
  if (size == 0 || (filters && call.write == Write::add && call.is_empty())) return;
  algorithm_for(table, call, options.algorithm).run(call, options, stream);
}

}  // namespace uptake::kernels
