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
  $<BUILD_INTERFACE:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wnon-virtual-dtor;-Werror>
  # g++ 12 reports string concatenation as overlapping memcpy (GCC bug 105651).
  $<BUILD_INTERFACE:$<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>>)
if(UPTAKE_SANITIZE)
  target_compile_options(uptake_settings INTERFACE
    $<BUILD_INTERFACE:-fsanitize=address,undefined;-fno-sanitize-recover=undefined;-fno-omit-frame-pointer>)
  target_link_options(uptake_settings INTERFACE $<BUILD_INTERFACE:-fsanitize=address,undefined>)
endif()

include(GNUInstallDirs)

# uptake_library(<folder>): static library uptake_<folder>, alias Uptake::<folder>, from every .cpp of the folder.
function(uptake_library folder)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_library(uptake_${folder} STATIC ${sources})
  add_library(Uptake::${folder} ALIAS uptake_${folder})
  set_target_properties(uptake_${folder} PROPERTIES EXPORT_NAME ${folder})
  target_include_directories(uptake_${folder} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/uptake>)
  target_link_libraries(uptake_${folder} PUBLIC uptake_settings)
endfunction()
