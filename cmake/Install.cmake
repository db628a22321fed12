# Installation: the command, and the four libraries as a CMake package. A project that uses it writes
#   find_package(Uptake REQUIRED)
#   target_link_libraries(mine PRIVATE Uptake::gan)
# and includes public headers as <uptake/nn/tensor.h>.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Uptake)

install(TARGETS uptake_kernels uptake_io uptake_nn uptake_gan EXPORT UptakeTargets
        ARCHIVE COMPONENT Development FILE_SET HEADERS COMPONENT Development)
install(EXPORT UptakeTargets NAMESPACE Uptake:: DESTINATION ${package_dir} COMPONENT Development)

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/UptakeConfig.cmake.in
  ${PROJECT_BINARY_DIR}/UptakeConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/UptakeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/UptakeConfig.cmake ${PROJECT_BINARY_DIR}/UptakeConfigVersion.cmake
              ${PROJECT_SOURCE_DIR}/cmake/FindOneDNN.cmake ${PROJECT_SOURCE_DIR}/cmake/FindCUDNN.cmake
              ${PROJECT_SOURCE_DIR}/cmake/Dcmtk.cmake
        DESTINATION ${package_dir} COMPONENT Development)

# What the system's packages and their readers expect.
set(docs ${CMAKE_INSTALL_DATADIR}/doc)
set(changelog ${PROJECT_BINARY_DIR}/changelog.gz)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS CHANGELOG.md)
file(ARCHIVE_CREATE OUTPUT ${changelog} PATHS ${PROJECT_SOURCE_DIR}/CHANGELOG.md FORMAT raw COMPRESSION GZip
     COMPRESSION_LEVEL 9)
set(manual ${PROJECT_BINARY_DIR}/manual)  # made with the program: apps/CMakeLists.txt
install(FILES ${manual}/uptake.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT Runtime)
install(FILES ${manual}/uptake DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT Runtime)
install(FILES README.md DESTINATION ${docs}/uptake COMPONENT Runtime)
install(FILES LICENSE DESTINATION ${docs}/uptake RENAME copyright COMPONENT Runtime)
install(FILES ${changelog} DESTINATION ${docs}/uptake COMPONENT Runtime)
install(FILES LICENSE DESTINATION ${docs}/libuptake-dev RENAME copyright COMPONENT Development)
install(FILES ${changelog} DESTINATION ${docs}/libuptake-dev COMPONENT Development)
include(${PROJECT_SOURCE_DIR}/cmake/Package.cmake)
