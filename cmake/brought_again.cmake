# Where a project has zeroth::zeroth already: from a package, or as a subdirectory of another part of it.

get_target_property(zeroth_version_there zeroth::zeroth ZEROTH_VERSION)
if(NOT zeroth_version_there STREQUAL PROJECT_VERSION)
    message(
        WARNING
            "zeroth ${zeroth_version_there} is used by this project already; ${PROJECT_VERSION} in ${PROJECT_SOURCE_DIR} is left aside"
    )
endif()
include("${CMAKE_CURRENT_LIST_DIR}/components.cmake")
if(ZEROTH_ANY AND NOT TARGET zeroth::any)
    set(ZEROTH_ANY_SOURCES "${PROJECT_SOURCE_DIR}/include/zeroth/any/sources")
    include("${CMAKE_CURRENT_LIST_DIR}/zeroth-any.cmake")
endif()
