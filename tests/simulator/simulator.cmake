# uptake_simulator: the CUDA runtime of the tests. What links it is compiled against the simulator's cuda_runtime.h;
# kernel sources need the source file property LANGUAGE CXX.
set(simulator_folder ${CMAKE_CURRENT_LIST_DIR})
add_library(uptake_simulator STATIC
  ${simulator_folder}/fiber.cpp
  ${simulator_folder}/kernel_name.cpp
  ${simulator_folder}/launch.cpp
  ${simulator_folder}/memory.cpp
  ${simulator_folder}/memory_api.cpp
  ${simulator_folder}/runtime.cpp
  ${simulator_folder}/scheduler.cpp
  ${simulator_folder}/shared_memory.cpp
  ${simulator_folder}/stream_api.cpp
  ${simulator_folder}/streams.cpp
  ${simulator_folder}/warp.cpp)
target_include_directories(uptake_simulator PUBLIC ${simulator_folder}/include)
target_compile_definitions(uptake_simulator PUBLIC UPTAKE_SIMULATOR UPTAKE_HAS_CUDA)
# Misaligned accesses are errors on a GPU: found in every build, with and without the other sanitizers.
target_compile_options(uptake_simulator PUBLIC
  -Wno-unknown-pragmas -fsanitize=alignment -fno-sanitize-recover=alignment)
target_link_options(uptake_simulator PUBLIC -fsanitize=alignment)
target_link_libraries(uptake_simulator PRIVATE uptake_settings)
