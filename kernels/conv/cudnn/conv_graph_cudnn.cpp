#include <array>
#include <bit>

#include "kernels/conv/cudnn/conv_graph.h"

namespace uptake::kernels::cuda::cudnn {
namespace {

using Sizes = std::array<std::int64_t, 4>;  // n c h w, the order cuDNN counts dimensions in

cudnnDataType_t data_type(Storage storage) {
  return storage == Storage::float32 ? CUDNN_DATA_FLOAT : CUDNN_DATA_BFLOAT16;
}

Sizes sizes(const Shape4& s) { return {s.n, s.c, s.h, s.w}; }
Sizes sizes(const FilterShape& f) { return {f.k, f.c, f.r, f.s}; }

std::int64_t alignment(cudnnDataType_t type, bool aligned) {
  if (aligned) return kAlignment;
  return type == CUDNN_DATA_FLOAT ? 4 : 2;
}

// Channels fastest.
Descriptor tensor(Tensor name, cudnnDataType_t type, const Sizes& d, bool aligned) {
  const Sizes strides = {d[1] * d[2] * d[3], 1, d[3] * d[1], d[1]};
  Descriptor t(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  t.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, std::int64_t{name})
      .set(CUDNN_ATTR_TENSOR_DATA_TYPE, type)
      .set_all(CUDNN_ATTR_TENSOR_DIMENSIONS, std::span<const std::int64_t>(d))
      .set_all(CUDNN_ATTR_TENSOR_STRIDES, std::span<const std::int64_t>(strides))
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, alignment(type, aligned))
      .set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, name == convolved || name == biased)
      .finalize();
  return t;
}

Descriptor convolution(const FilterShape& f) {
  const std::array<std::int64_t, 2> pad = {f.pad, f.pad}, stride = {f.stride, f.stride}, dilation = {1, 1};
  using Pair = std::span<const std::int64_t>;
  Descriptor c(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  c.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT)
      .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION)
      .set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, std::int64_t{2})
      .set_all(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, Pair(pad))
      .set_all(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, Pair(pad))
      .set_all(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, Pair(stride))
      .set_all(CUDNN_ATTR_CONVOLUTION_DILATIONS, Pair(dilation))
      .finalize();
  return c;
}

// One of the three operations: the same six attributes under three sets of names.
struct OperationNames {
  cudnnBackendDescriptorType_t type;
  Attribute alpha, beta, convolution, filters, image, result;
};
OperationNames names_of(ConvOperation operation) {
  if (operation == ConvOperation::forward)
    return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y};
  if (operation == ConvOperation::backward_data)
    return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY};
  return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY};
}

Descriptor activation(const Act& act) {
  Descriptor p(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  p.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT);
  if (act.kind == Activation::tanh) {
    p.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_POINTWISE_TANH_FWD);
  } else if (act.kind == Activation::sigmoid) {
    p.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_POINTWISE_SIGMOID_FWD);
  } else {
    p.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_POINTWISE_RELU_FWD);
    if (act.kind == Activation::leaky_relu) p.set(CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE, act.slope);
  }
  p.finalize();
  return p;
}

Descriptor addition() {
  Descriptor p(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  p.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_POINTWISE_ADD)
      .set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT)
      .finalize();
  return p;
}

// to = pointwise(from), with `other` as its second input if there is one.
Descriptor pointwise(const Descriptor& what, const Descriptor& to, const Descriptor& from,
                     const Descriptor* other = nullptr) {
  Descriptor op(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  op.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, what)
      .set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, from)
      .set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, to);
  if (other != nullptr) op.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *other);
  op.finalize();
  return op;
}

std::string text(const char* open, std::initializer_list<std::int64_t> numbers, const char* close) {
  std::string s = open;
  const char* separator = "";
  for (const std::int64_t number : numbers) {
    s += separator + std::to_string(number);
    separator = ",";
  }
  return s + close;
}

const char* name_of(Activation kind) {
  switch (kind) {
    case Activation::none:
      return "none";
    case Activation::relu:
      return "relu";
    case Activation::leaky_relu:
      return "leaky_relu";
    case Activation::tanh:
      return "tanh";
    case Activation::sigmoid:
      return "sigmoid";
  }
  return "unknown";
}

const char* name_of(ConvOperation operation) {
  switch (operation) {
    case ConvOperation::forward:
      return "forward";
    case ConvOperation::backward_data:
      return "backward_data";
    case ConvOperation::backward_filters:
      return "backward_filters";
  }
  return "unknown";
}

const char* name_of(Storage storage) { return storage == Storage::float32 ? "float32" : "bfloat16"; }

}  // namespace

Descriptor operation_graph(const PlanRequest& request, const Target& target) {
  const ConvOperation operation = request.operation;
  const Shape4 x = request.geometry.x, y = request.geometry.y();
  const auto in_memory = [&](Tensor name, const auto& shape) {
    return tensor(name, data_type(request.storage), sizes(shape), request.aligned);
  };
  // What the convolution writes passes through registers, in float, when something follows.
  const Tensor output = operation == ConvOperation::backward_data ? image : result;
  const Shape4& output_shape = output == image ? x : y;
  const auto step = [&](Tensor name) {
    return name == output ? in_memory(output, output_shape)
                          : tensor(name, CUDNN_DATA_FLOAT, sizes(output_shape), true);
  };

  const OperationNames names = names_of(operation);
  const Descriptor written = step(request.fused() ? convolved : output);
  Descriptor conv(names.type);
  conv.set(names.alpha, 1.0f)
      .set(names.beta, request.add ? 1.0f : 0.0f)
      .set(names.convolution, convolution(request.geometry.filters))
      .set(names.filters, in_memory(filters, request.geometry.filters));
  if (operation == ConvOperation::forward)
    conv.set(names.image, in_memory(image, x)).set(names.result, written);
  else if (operation == ConvOperation::backward_data)
    conv.set(names.image, written).set(names.result, in_memory(result, y));
  else
    conv.set(names.image, in_memory(image, x)).set(names.result, in_memory(result, y));
  conv.finalize();

  std::vector<Descriptor> operations;
  operations.push_back(std::move(conv));
  const bool has_act = request.act.kind != Activation::none;
  if (request.bias) {
    const Descriptor added = tensor(bias, CUDNN_DATA_FLOAT, {1, output_shape.c, 1, 1}, request.aligned);
    operations.push_back(pointwise(addition(), step(has_act ? biased : output), written, &added));
  }
  if (has_act)
    operations.push_back(
        pointwise(activation(request.act), step(output), step(request.bias ? biased : convolved)));

  Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  target.apply_to_graph(graph);
  graph.set_all(CUDNN_ATTR_OPERATIONGRAPH_OPS, operations).finalize();
  return graph;
}

std::vector<std::int64_t> graph_tensors(const PlanRequest& request) {
  std::vector<std::int64_t> names = {image, filters, result};
  if (request.bias) names.push_back(bias);
  return names;
}

std::string to_string(const PlanRequest& request) {
  const Shape4& x = request.geometry.x;
  const Shape4 y = request.geometry.y();
  const FilterShape& f = request.geometry.filters;
  std::string s = request.operation == ConvOperation::forward ? "convolution of "
                  : request.operation == ConvOperation::backward_data
                      ? "data gradient of the convolution of "
                      : "filter gradient of the convolution of ";
  s += name_of(request.storage);
  s += text(" images [", {x.n, x.h, x.w, x.c}, "] with filters ") +
       text("[", {f.k, f.c, f.r, f.s}, "] stride ") + std::to_string(f.stride) + " pad " +
       std::to_string(f.pad) + text(" to [", {y.n, y.h, y.w, y.c}, "]");
  if (request.bias) s += " with bias";
  if (request.act.kind != Activation::none) s += std::string(" with ") + name_of(request.act.kind);
  if (request.add) s += ", added to what is there";
  if (!request.aligned) s += ", from unaligned addresses";
  return s;
}

std::string key_of(const PlanRequest& request) {
  const Shape4& x = request.geometry.x;
  const FilterShape& f = request.geometry.filters;
  std::string s = name_of(request.operation);
  s += std::string(":") + name_of(request.storage);
  s += text(":", {x.n, x.h, x.w, x.c}, ":") + text("", {f.k, f.c, f.r, f.s, f.stride, f.pad}, ":") +
       (request.bias ? "bias:" : "plain:") + name_of(request.act.kind);
  if (request.act.kind == Activation::leaky_relu)
    s += ":" + std::to_string(std::bit_cast<std::uint64_t>(request.act.slope));
  if (request.add) s += ":add";
  if (!request.aligned) s += ":unaligned";
  return s;
}

}  // namespace uptake::kernels::cuda::cudnn
