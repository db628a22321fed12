# Installs the built libraries into a fresh prefix, then configures, builds and runs the project in consumer/ against
# it. Usage: cmake -DBUILD=<build folder> -DWORK=<folder to use> -DCXX=<compiler> -DGENERATOR=<generator> -P install.cmake
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/run.cmake)

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --component Development --prefix ${WORK}/prefix)
# Spaces in the path: an installed package must not care where it lies.
set(prefix "${WORK}/moved prefix")
file(RENAME ${WORK}/prefix ${prefix})

# Public headers, all of them and nothing else.
include(${BUILD}/public_headers.cmake)
list(TRANSFORM public_headers PREPEND uptake/)
list(SORT public_headers)
file(GLOB_RECURSE installed RELATIVE ${prefix}/include ${prefix}/include/*)
list(SORT installed)
if(NOT installed STREQUAL public_headers)
  message(FATAL_ERROR "installed: ${installed}\npublic: ${public_headers}")
endif()

run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/consumer -B ${WORK}/build -G ${GENERATOR}
    "-DCMAKE_PREFIX_PATH=${prefix}" "-DHEADERS=${prefix}/include" -DCMAKE_CXX_COMPILER=${CXX})
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/consumer)
if(NOT output STREQUAL "2x = 6, dx = 2, 6 samples\n")
  message(FATAL_ERROR "the consumer printed: ${output}")
endif()

# The examples of the documentation, as their readers build them, and what they print.
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/../../docs/examples -B ${WORK}/examples -G ${GENERATOR}
    "-DCMAKE_PREFIX_PATH=${prefix}" -DCMAKE_CXX_COMPILER=${CXX} "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror")
run(${CMAKE_COMMAND} --build ${WORK}/examples)
run(${CMAKE_COMMAND} -E chdir ${WORK}/examples ./classifier)
if(NOT output MATCHES "right ([0-9]+) of 64\n$" OR CMAKE_MATCH_1 LESS 60)
  message(FATAL_ERROR "the classifier printed: ${output}")
endif()
run(${CMAKE_COMMAND} -E chdir ${WORK}/examples ./autoencoder)
if(NOT output MATCHES "step 0 loss ([0-9.]+)\n.*step 200 loss ([0-9.]+)\nread back: the same\n$"
   OR CMAKE_MATCH_2 GREATER 0.1 OR NOT EXISTS ${WORK}/examples/autoencoder.png)
  message(FATAL_ERROR "the autoencoder printed: ${output}")
endif()

# A public header that includes an internal one does not become one.
file(WRITE ${WORK}/leaky.h "#include \"kernels/base/types.h\"\n  # include \"nn/backend.h\"\n")
execute_process(COMMAND ${CMAKE_COMMAND} -DFROM=${WORK}/leaky.h -DTO=${WORK}/copy.h -DLIST=${BUILD}/public_headers.cmake
                        -P ${CMAKE_CURRENT_LIST_DIR}/../../cmake/PublicHeader.cmake
                RESULT_VARIABLE status ERROR_VARIABLE error)
if(status EQUAL 0 OR NOT error MATCHES "nn/backend.h")
  message(FATAL_ERROR "a header that includes nn/backend.h was made public: ${error}")
endif()
file(REMOVE_RECURSE ${WORK})
