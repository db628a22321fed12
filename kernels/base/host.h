// How many threads the CPU operations use: one OpenMP pool for the whole process.
#pragma once

namespace uptake::kernels {

/// 0: one for each core the process may use. Returns the number set.
int set_threads(int count);

/// Whether this CPU has the instructions the CPU operations were compiled for; nullptr if it has, else the
/// name of the first one missing.
const char* missing_cpu_feature();

/// Whether float convolutions run on oneDNN in this build.
bool has_onednn();

}  // namespace uptake::kernels
