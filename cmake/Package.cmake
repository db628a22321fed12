# Debian packages: `cpack` in the build folder makes uptake_VERSION_ARCH.deb, the command, and libuptake-dev_..., the
# libraries for programs of others. Made on the system they are for: what they depend on is what they were built with.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME uptake)
set(CPACK_PACKAGE_VENDOR "The Uptake authors")
set(CPACK_PACKAGE_CONTACT "The Uptake authors <uptake@localhost>")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "pix2pix on pairs of images, without Python")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL Runtime Development)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME uptake)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION science)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION
  "The command: training, translation and evaluation with reports, on the CPU or
an NVIDIA GPU; pictures or DICOM in, pictures or DICOM out.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libuptake-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION
  "The libraries, for programs of your own: tensors, autograd, layers and pix2pix
in C++20, images, DICOM and checkpoints; find_package(Uptake) in CMake.")
# The libraries are static: who links them links what they need.
set(depends g++ nlohmann-json3-dev zlib1g-dev libssl-dev)
if(UPTAKE_ONEDNN)
  list(APPEND depends libdnnl-dev)
endif()
if(UPTAKE_DICOM)
  list(APPEND depends libdcmtk-dev)
endif()
list(JOIN depends ", " CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS)
include(CPack)
