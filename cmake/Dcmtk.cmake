# Finds DCMTK. Some packages of it (Debian 13) name libraries by the full path of their development files, without
# depending on those: libtiff.so, libpng.so, ... DCMTK's shared libraries find them by themselves, so what is not there is
# left out of the link line.
find_package(DCMTK CONFIG)
get_property(imported DIRECTORY PROPERTY IMPORTED_TARGETS)
list(FILTER imported INCLUDE REGEX "^DCMTK::")
foreach(target ${imported})
  get_target_property(libraries ${target} INTERFACE_LINK_LIBRARIES)
  set(present)
  foreach(library ${libraries})
    if(EXISTS "${library}" OR NOT IS_ABSOLUTE "${library}")
      list(APPEND present "${library}")
    endif()
  endforeach()
  if(libraries AND NOT present STREQUAL libraries)
    set_target_properties(${target} PROPERTIES INTERFACE_LINK_LIBRARIES "${present}")
  endif()
endforeach()
