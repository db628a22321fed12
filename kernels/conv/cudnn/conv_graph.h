// Convolutions as cuDNN operation graphs: what is asked for, in words and as descriptors. Internal to kernels/;
// only for files that are compiled in builds with cuDNN.
#pragma once
#include <string>
#include <vector>

#include "kernels/conv/cudnn/conv_cudnn.h"
#include "kernels/conv/cudnn/cudnn_graph.h"

namespace uptake::kernels::cuda::cudnn {

/// The names of a graph's tensors. `image` is x or dx, `result` y or dy, of the convolution's geometry.
enum Tensor : std::int64_t { image = 1, filters = 2, result = 3, bias = 4, convolved = 5, biased = 6 };

/// Bytes that the start of a tensor of PlanRequest::aligned is a multiple of.
inline constexpr std::int64_t kAlignment = 16;

/// The finished operation graph of a request: [n,h,w,c] tensors and [k,r,s,c] filters, packed, arithmetic in
/// float; then bias and activation, whose input stays in registers.
Descriptor operation_graph(const PlanRequest& request, const Target& target);

/// The tensors whose addresses running the graph takes, in the order of operation_graph's names.
std::vector<std::int64_t> graph_tensors(const PlanRequest& request);

/// A text that differs for requests whose plans may differ, without spaces: "forward:float32:4,256,256,3:...".
std::string key_of(const PlanRequest& request);

}  // namespace uptake::kernels::cuda::cudnn
