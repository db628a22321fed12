// Convolutions by oneDNN, with primitives created once for each geometry and number of threads, and kept. Threads may
// share them: the memory they need beside their arguments comes from the caller. Internal to kernels/.
#pragma once
#include "kernels/conv/conv.h"

namespace uptake::kernels::onednn {

bool supports(const ConvCall<float>& call);
void run(const ConvCall<float>& call, const ConvOptions& options, cuda::StreamHandle stream);

}  // namespace uptake::kernels::onednn
