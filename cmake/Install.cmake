# Installation: the command, and the four libraries as a CMake package. A project that uses it writes
#   find_package(Uptake REQUIRED)
#   target_link_libraries(mine PRIVATE Uptake::gan)
# and includes headers as this project does: #include "nn/tensor.h".
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Uptake)

set_target_properties(uptake_settings PROPERTIES EXPORT_NAME settings)
install(TARGETS uptake_settings uptake_kernels uptake_io uptake_nn uptake_gan EXPORT UptakeTargets
        ARCHIVE COMPONENT Development)
foreach(folder kernels io nn gan)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/uptake
          COMPONENT Development FILES_MATCHING PATTERN "*.h")
endforeach()
install(EXPORT UptakeTargets NAMESPACE Uptake:: DESTINATION ${package_dir} COMPONENT Development)

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/UptakeConfig.cmake.in
  ${PROJECT_BINARY_DIR}/UptakeConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/UptakeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/UptakeConfig.cmake ${PROJECT_BINARY_DIR}/UptakeConfigVersion.cmake
              ${PROJECT_SOURCE_DIR}/cmake/FindOneDNN.cmake ${PROJECT_SOURCE_DIR}/cmake/FindCUDNN.cmake
        DESTINATION ${package_dir} COMPONENT Development)
