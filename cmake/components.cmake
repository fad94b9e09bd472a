# The components that were asked for, and are not there yet: zeroth::simd, zeroth::openmp, zeroth::cuda.

include("${CMAKE_CURRENT_LIST_DIR}/dependencies.cmake")

# Where zeroth is part of a project all of it sees them; a package's are the folder's that looked for it.
set(zeroth_component_scope GLOBAL)

if(ZEROTH_SIMD AND NOT TARGET zeroth::simd)
    zeroth_provide_xsimd()
    include("${CMAKE_CURRENT_LIST_DIR}/zeroth-simd.cmake")
endif()

if(ZEROTH_OPENMP AND NOT TARGET zeroth::openmp)
    find_package(OpenMP QUIET COMPONENTS CXX)
    if(OpenMP_CXX_FOUND)
        include("${CMAKE_CURRENT_LIST_DIR}/zeroth-openmp.cmake")
    else()
        message(STATUS "zeroth: this compiler has no OpenMP; zeroth::openmp is not provided")
    endif()
endif()

if(ZEROTH_ENABLE_CUDA AND NOT TARGET zeroth::cuda)
    include("${CMAKE_CURRENT_LIST_DIR}/zeroth-cuda.cmake")
endif()
