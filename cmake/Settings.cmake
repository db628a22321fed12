# What every target of this project shares: language, warnings, sanitizers, the helper that makes one library a folder.
# Nothing of it reaches a project that uses the libraries: variables end with this directory's scope, and the flags come
# with uptake_settings, which the libraries link privately and do not export.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

add_library(uptake_settings INTERFACE)
target_include_directories(uptake_settings INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(uptake_settings INTERFACE
  $<$<BOOL:${UPTAKE_HAS_CUDA}>:UPTAKE_HAS_CUDA> $<$<BOOL:${UPTAKE_DICOM}>:UPTAKE_HAS_DICOM>)
target_compile_options(uptake_settings INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wnon-virtual-dtor>
  # g++ 12 reports string concatenation as overlapping memcpy (GCC bug 105651); g++ 13 takes every reference that a
  # function returns for one into its arguments.
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-restrict;-Wno-dangling-reference>
  $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall;-Xcompiler=-Wextra;-Xcompiler=-Wno-unknown-pragmas>)
# For who works on this project. Another compiler warns of other things; another nvcc, or another card's machine code,
# may spill where ours does not.
option(UPTAKE_WERROR "Warnings are errors, with nvcc also spills and arrays in local memory" OFF)
if(UPTAKE_WERROR)
  target_compile_options(uptake_settings INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Werror>
    $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings;-Xptxas=-warn-spills,-warn-lmem-usage,-Werror>)
endif()
if(UPTAKE_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "UPTAKE_FUZZ needs clang, whose libFuzzer it uses (-DCMAKE_CXX_COMPILER=clang++); this is "
                        "${CMAKE_CXX_COMPILER_ID}. Other compilers build the same targets as tests of their seeds.")
  endif()
  set(UPTAKE_SANITIZE ON)
  # Not among the undefined behaviour that clang looks for by itself.
  target_compile_options(uptake_settings INTERFACE -fsanitize=float-cast-overflow -fno-sanitize-recover=all)
endif()
if(UPTAKE_SANITIZE)
  target_compile_options(uptake_settings INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=address,undefined;-fno-sanitize-recover=undefined;-fno-omit-frame-pointer>)
  target_link_options(uptake_settings INTERFACE -fsanitize=address,undefined)
endif()

include(GNUInstallDirs)
# What more than one folder uses.
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(nlohmann_json REQUIRED)
if(UPTAKE_ONEDNN)
  find_package(OneDNN 2.6 REQUIRED)
  message(STATUS "CPU convolutions: oneDNN ${OneDNN_VERSION}")
else()
  message(STATUS "CPU convolutions: plain loops, slow (UPTAKE_ONEDNN is OFF)")
endif()

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
  target_compile_features(uptake_${name} PUBLIC cxx_std_20)
  target_link_libraries(uptake_${name} PRIVATE $<BUILD_INTERFACE:uptake_settings>)
endfunction()

# uptake_public_headers(<name> <header>...): what users of library uptake_<name> may include, as <uptake/NAME/HEADER>.
# They see copies, made by every build (cmake/PublicHeader.cmake), never our source folder: the two spellings of an
# include stay apart, and a public header that needs an internal one does not build.
function(uptake_public_headers name)
  foreach(header ${ARGN})
    set(copy ${PROJECT_BINARY_DIR}/include/uptake/${name}/${header})
    add_custom_command(OUTPUT ${copy}
      COMMAND ${CMAKE_COMMAND} -DFROM=${CMAKE_CURRENT_SOURCE_DIR}/${header} -DTO=${copy}
              -DLIST=${PROJECT_BINARY_DIR}/public_headers.cmake -P ${PROJECT_SOURCE_DIR}/cmake/PublicHeader.cmake
      DEPENDS ${header} ${PROJECT_BINARY_DIR}/public_headers.cmake ${PROJECT_SOURCE_DIR}/cmake/PublicHeader.cmake
      COMMENT "<uptake/${name}/${header}>" VERBATIM)
    list(APPEND copies ${copy})
    set_property(GLOBAL APPEND PROPERTY UPTAKE_PUBLIC_HEADERS ${name}/${header})
  endforeach()
  add_custom_target(uptake_${name}_headers ALL DEPENDS ${copies})
  add_dependencies(uptake_${name} uptake_${name}_headers)
  target_sources(uptake_${name} INTERFACE FILE_SET HEADERS BASE_DIRS ${PROJECT_BINARY_DIR}/include FILES ${copies})
endfunction()
