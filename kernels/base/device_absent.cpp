// What a build without CUDA says about itself.
#include "kernels/base/device.h"

namespace uptake::kernels::cuda {

bool built_with_cuda() { return false; }
bool built_with_cudnn() { return false; }
std::string why_unavailable() { return "this build of uptake has no CUDA backend"; }

}  // namespace uptake::kernels::cuda
