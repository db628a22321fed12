# What every target shares: language, warnings as errors, sanitizers, the helper that makes one library a folder.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

add_library(uptake_settings INTERFACE)
target_compile_features(uptake_settings INTERFACE cxx_std_20)
target_compile_options(uptake_settings INTERFACE
  $<BUILD_INTERFACE:$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wnon-virtual-dtor;-Werror>>
  # g++ 12 reports string concatenation as overlapping memcpy (GCC bug 105651).
  $<BUILD_INTERFACE:$<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-restrict>>
  $<BUILD_INTERFACE:$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall;-Xcompiler=-Wextra;-Xcompiler=-Wno-unknown-pragmas>>)
option(UPTAKE_STRICT_CUDA "Warnings of nvcc, spills and arrays in local memory are errors" ON)
if(UPTAKE_STRICT_CUDA)  # another nvcc, or another card's machine code, may spill where ours does not
  target_compile_options(uptake_settings INTERFACE
    $<BUILD_INTERFACE:$<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings;-Xptxas=-warn-spills,-warn-lmem-usage,-Werror>>)
endif()
if(UPTAKE_SANITIZE)
  target_compile_options(uptake_settings INTERFACE
    $<BUILD_INTERFACE:$<$<COMPILE_LANGUAGE:CXX>:-fsanitize=address,undefined;-fno-sanitize-recover=undefined;-fno-omit-frame-pointer>>)
  target_link_options(uptake_settings INTERFACE $<BUILD_INTERFACE:-fsanitize=address,undefined>)
endif()

include(GNUInstallDirs)

# uptake_library(<name> [source...]): static library uptake_<name>, alias Uptake::<name>, from the given sources or
# every .cpp of the folder.
function(uptake_library name)
  set(sources ${ARGN})
  if(NOT sources)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  endif()
  add_library(uptake_${name} STATIC ${sources})
  add_library(Uptake::${name} ALIAS uptake_${name})
  set_target_properties(uptake_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(uptake_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/uptake>)
  target_link_libraries(uptake_${name} PUBLIC uptake_settings)
endfunction()
