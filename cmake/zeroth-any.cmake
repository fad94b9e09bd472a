# zeroth::any: AnyOptimizer compiled, with the flags of whoever links it: methods that are chosen at run time. Expects
# ZEROTH_ANY_SOURCES, the folder of its sources. It uses zeroth::simd and zeroth::openmp where they are.

file(GLOB zeroth_any_sources "${ZEROTH_ANY_SOURCES}/*.cpp")
add_library(zeroth_any STATIC EXCLUDE_FROM_ALL ${zeroth_any_sources})
add_library(zeroth::any ALIAS zeroth_any)
target_link_libraries(
    zeroth_any
    PUBLIC zeroth::zeroth
    PRIVATE
        "$<TARGET_NAME_IF_EXISTS:zeroth::simd>"
        "$<TARGET_NAME_IF_EXISTS:zeroth::openmp>"
        "$<TARGET_NAME_IF_EXISTS:zeroth_build_flags>"
)
if(NOT TARGET zeroth::simd)
    target_compile_definitions(zeroth_any PRIVATE ZEROTH_ANY_WITHOUT_SIMD)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
    # False alarms within GCC's own AVX-512 intrinsics.
    target_compile_options(zeroth_any PRIVATE -Wno-maybe-uninitialized -Wno-uninitialized)
endif()
