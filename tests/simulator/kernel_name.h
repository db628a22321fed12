// The name of a kernel, from its address.
#pragma once
#include <string>

namespace uptake::sim {

/// "uptake::kernels::cuda::adam_kernel<float>": without the parameter list and the unnamed namespaces.
std::string kernel_name(const void* function);

}  // namespace uptake::sim
