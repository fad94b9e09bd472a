# zeroth::simd: the headers under zeroth/backends that use xsimd. Expects the target xsimd.
#
# Only xsimd's include directories are taken. Debian 12's package names a link library (xtl) that nothing here needs and
# that it does not install.

if(NOT TARGET zeroth::simd)
    add_library(zeroth::simd INTERFACE IMPORTED ${zeroth_component_scope})
    target_link_libraries(zeroth::simd INTERFACE zeroth::zeroth)
    target_include_directories(
        zeroth::simd SYSTEM INTERFACE "$<TARGET_PROPERTY:xsimd,INTERFACE_INCLUDE_DIRECTORIES>"
    )
endif()
