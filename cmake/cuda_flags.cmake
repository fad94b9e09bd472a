# zeroth_cuda_flags: what zeroth's own CUDA programs are compiled with.

enable_language(CUDA)

set(ZEROTH_CUDA_ARCHITECTURES "80-real;90-real;100" CACHE STRING "Devices that zeroth's own CUDA programs are compiled for")
set(
    ZEROTH_CUDA_FAST_COMPILE
    OFF
    CACHE STRING
    "Compile CUDA programs to see that they compile, not to be fast: ON, OFF, or WITHOUT_DEVICE: where this machine has none to run them"
)
set(zeroth_cuda_fast "${ZEROTH_CUDA_FAST_COMPILE}")
if(zeroth_cuda_fast STREQUAL "WITHOUT_DEVICE")
    set(zeroth_cuda_fast ON)
    if(EXISTS /dev/nvidia0 OR EXISTS /dev/dxg)
        set(zeroth_cuda_fast OFF)
    endif()
endif()

add_library(zeroth_cuda_flags INTERFACE)
target_link_libraries(zeroth_cuda_flags INTERFACE zeroth::cuda)
# By name: CMake 3.25 knows no standard after C++17 of nvcc 13, and would leave CUDA_STANDARD out without a word.
target_compile_options(zeroth_cuda_flags INTERFACE "$<$<COMPILE_LANGUAGE:CUDA>:-std=c++20;-Xcompiler=-Wall,-Wextra>")
if(ZEROTH_WARNINGS_AS_ERRORS)
    target_compile_options(zeroth_cuda_flags INTERFACE "$<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings;-Xcompiler=-Werror>")
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # GCC bug 105651: false alarms within its own std::string.
    target_compile_options(zeroth_cuda_flags INTERFACE "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wno-restrict>")
endif()
if(zeroth_cuda_fast)
    message(STATUS "zeroth: CUDA programs are compiled without optimising (ZEROTH_CUDA_FAST_COMPILE)")
    target_compile_options(zeroth_cuda_flags INTERFACE "$<$<COMPILE_LANGUAGE:CUDA>:-Ofc=max;-Xcompiler=-O1>")
endif()
