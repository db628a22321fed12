# Tests of the machine code of the kernels, included by tests/CMakeLists.txt. They need Python 3, and nvcc for what they
# look at; without nvcc they are visible skips.
find_package(Python3 COMPONENTS Interpreter)
if(Python3_FOUND AND NOT UPTAKE_SANITIZE)  # nothing of them is instrumented
  add_test(NAME kernel-gate-test COMMAND ${Python3_EXECUTABLE} -B ${PROJECT_SOURCE_DIR}/tests/gates/gate_test.py -v)
  add_test(NAME kernel-gate
           COMMAND ${Python3_EXECUTABLE} -B ${PROJECT_SOURCE_DIR}/scripts/kernel-gate --build ${PROJECT_BINARY_DIR})
  add_test(NAME gpu-check-test COMMAND ${Python3_EXECUTABLE} -B ${PROJECT_SOURCE_DIR}/tests/gates/gpu_check_test.py)
  add_test(NAME gpu-check-dry-run
           COMMAND ${Python3_EXECUTABLE} -B ${PROJECT_SOURCE_DIR}/scripts/gpu-check --dry-run
                   --benchmark-folder ${PROJECT_BINARY_DIR}/bench)
  set_tests_properties(kernel-gate-test kernel-gate gpu-check-dry-run PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 1200)
  # Both use all cores for the compiler.
  set_tests_properties(kernel-gate kernel-gate-test PROPERTIES RUN_SERIAL ON)
endif()
