# Installs the built libraries into a fresh prefix, then configures, builds and runs the project in consumer/ against
# it. Usage: cmake -DBUILD=<build folder> -DWORK=<folder to use> -DCXX=<compiler> -DGENERATOR=<generator> -P install.cmake
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "failed (${status}): ${ARGN}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --component Development --prefix ${WORK}/prefix)
# Spaces in the path: an installed package must not care where it lies.
file(RENAME ${WORK}/prefix "${WORK}/moved prefix")
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/consumer -B ${WORK}/build -G ${GENERATOR}
    "-DCMAKE_PREFIX_PATH=${WORK}/moved prefix" -DCMAKE_CXX_COMPILER=${CXX})
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/consumer)
if(NOT output STREQUAL "2x = 6, dx = 2, 6 samples\n")
  message(FATAL_ERROR "the consumer printed: ${output}")
endif()
file(REMOVE_RECURSE ${WORK})
