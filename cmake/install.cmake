# Installs all headers and the CMake package: find_package(zeroth [0.1] [COMPONENTS simd openmp cuda any]).
#
# For a project that has zeroth as a subdirectory too: it may then install and export libraries of its own that link
# zeroth's, which CMake refuses where their target is in no export set. zeroth itself is installed with that project only
# if it says so by ZEROTH_INSTALL; by itself it is the component zeroth.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(zeroth_package_dir "${CMAKE_INSTALL_DATADIR}/cmake/zeroth")
set(zeroth_component COMPONENT zeroth)
if(NOT ZEROTH_INSTALL)
    list(APPEND zeroth_component EXCLUDE_FROM_ALL)
endif()

install(
    TARGETS zeroth
    EXPORT zeroth-targets
    FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" ${zeroth_component}
)
# The headers of every component are there whether or not its third party is: the package finds it when it is asked for.
install(
    DIRECTORY "${PROJECT_SOURCE_DIR}/include/zeroth"
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" ${zeroth_component}
    FILES_MATCHING
    PATTERN "*.hpp"
    PATTERN "*.cpp"
    PATTERN "*.cuh"
)
install(EXPORT zeroth-targets NAMESPACE zeroth:: DESTINATION "${zeroth_package_dir}" ${zeroth_component})
# And for export(EXPORT) of such a library, from the build tree.
export(EXPORT zeroth-targets NAMESPACE zeroth:: FILE "${PROJECT_BINARY_DIR}/package/build-tree-targets.cmake")

configure_package_config_file(
    "${PROJECT_SOURCE_DIR}/cmake/zerothConfig.cmake.in" "${PROJECT_BINARY_DIR}/package/zerothConfig.cmake"
    INSTALL_DESTINATION "${zeroth_package_dir}"
    PATH_VARS CMAKE_INSTALL_INCLUDEDIR
)
# Before 1.0 a minor version may break what the one before promised. Headers do not depend on the machine's word size.
write_basic_package_version_file(
    "${PROJECT_BINARY_DIR}/package/zerothConfigVersion.cmake" COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT
)
install(
    FILES "${PROJECT_BINARY_DIR}/package/zerothConfig.cmake" "${PROJECT_BINARY_DIR}/package/zerothConfigVersion.cmake"
          "${PROJECT_SOURCE_DIR}/cmake/zeroth-simd.cmake" "${PROJECT_SOURCE_DIR}/cmake/zeroth-openmp.cmake"
          "${PROJECT_SOURCE_DIR}/cmake/zeroth-cuda.cmake" "${PROJECT_SOURCE_DIR}/cmake/zeroth-any.cmake"
    DESTINATION "${zeroth_package_dir}" ${zeroth_component}
)
install(
    FILES "${PROJECT_SOURCE_DIR}/LICENSE"
    DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/zeroth" ${zeroth_component}
)
