// Between [k,r,s,c] filters and oneDNN's blocked layouts, faster than its own reorder. Internal to kernels/; only for
// builds with oneDNN.
#pragma once
#include "kernels/conv/cpu/onednn.h"

namespace uptake::kernels::onednn {

/// Both return false, and do nothing, for a layout or a shape that is not of their kind (blocks of whole 16 channels):
/// then oneDNN's reorder is to be used.
bool pack_tiles(float* to, const float* krsc, const FilterShape& shape, const Desc& layout);
/// Assigned or added.
bool unpack_tiles(float* krsc, Write write, const float* from, const FilterShape& shape, const Desc& layout);

}  // namespace uptake::kernels::onednn
