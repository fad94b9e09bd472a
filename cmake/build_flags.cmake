# zeroth_build_flags: what zeroth's own programs are compiled with. Nobody else links it: the library's targets carry the
# language standard and nothing more.

add_library(zeroth_build_flags INTERFACE)

if(MSVC)
    target_compile_options(zeroth_build_flags INTERFACE /W4)
else()
    target_compile_options(zeroth_build_flags INTERFACE -Wall -Wextra -Wconversion -Wshadow)
endif()

# GCC's own AVX-512 intrinsics start from registers left undefined on purpose, and GCC 12 warns of that where Eigen and xsimd use them.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
    target_compile_options(zeroth_build_flags INTERFACE -Wno-maybe-uninitialized -Wno-uninitialized)
endif()

if(ZEROTH_WARNINGS_AS_ERRORS)
    target_compile_options(zeroth_build_flags INTERFACE "$<IF:$<CXX_COMPILER_ID:MSVC>,/WX,-Werror>")
endif()

if(ZEROTH_NATIVE)
    include(CheckCXXCompilerFlag)
    check_cxx_compiler_flag(-march=native ZEROTH_HAS_MARCH_NATIVE)
    check_cxx_compiler_flag(-mcpu=native ZEROTH_HAS_MCPU_NATIVE)
    if(ZEROTH_HAS_MARCH_NATIVE)
        target_compile_options(zeroth_build_flags INTERFACE -march=native)
    elseif(ZEROTH_HAS_MCPU_NATIVE)
        target_compile_options(zeroth_build_flags INTERFACE -mcpu=native)
    endif()
endif()

# A program nobody chose a build type for is meant to be fast.
get_property(zeroth_is_multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(PROJECT_IS_TOP_LEVEL AND NOT zeroth_is_multi_config AND NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
endif()
