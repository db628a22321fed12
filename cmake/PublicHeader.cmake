# Copies a public header for users: its includes of other public headers, written "nn/tensor.h" in this project, become
# <uptake/nn/tensor.h>. Fails if it includes a header that is not public.
# Usage: cmake -DFROM=<header> -DTO=<copy> -DLIST=<file that sets public_headers> -P PublicHeader.cmake
cmake_minimum_required(VERSION 3.25)
include(${LIST})
file(STRINGS ${FROM} includes REGEX "^[ \t]*#[ \t]*include[ \t]*\"")
foreach(line ${includes})
  string(REGEX REPLACE "^[^\"]*\"([^\"]*)\".*" "\\1" included "${line}")
  if(NOT included IN_LIST public_headers)
    message(FATAL_ERROR "${FROM} is public, but includes \"${included}\", which is not: see uptake_public_headers in "
                        "the CMakeLists.txt of its folder")
  endif()
endforeach()
file(READ ${FROM} text)
string(REGEX REPLACE "(#[ \t]*include[ \t]*)\"([^\"\n]*)\"" "\\1<uptake/\\2>" text "${text}")
file(WRITE ${TO} "${text}")
