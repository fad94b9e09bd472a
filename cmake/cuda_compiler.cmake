# zeroth_has_cuda_compiler: whether there is nvcc 13 or newer. It is taken from CMAKE_CUDA_COMPILER or CUDACXX, from the PATH, or from where
# CUDA installs itself, which is seldom in the PATH.

include(CheckLanguage)

if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
    find_program(ZEROTH_NVCC nvcc HINTS ENV CUDA_PATH PATHS /usr/local/cuda /opt/cuda PATH_SUFFIXES bin)
    mark_as_advanced(ZEROTH_NVCC)
    if(ZEROTH_NVCC)
        set(ENV{CUDACXX} "${ZEROTH_NVCC}")
    endif()
endif()

set(zeroth_has_cuda_compiler OFF)
if(CMAKE_CUDA_COMPILER OR DEFINED ENV{CUDACXX})
    check_language(CUDA)
    if(CMAKE_CUDA_COMPILER)
        execute_process(COMMAND "${CMAKE_CUDA_COMPILER}" --version OUTPUT_VARIABLE zeroth_nvcc_version ERROR_QUIET)
        string(REGEX MATCH "release [0-9.]+" zeroth_nvcc_version "${zeroth_nvcc_version}")
        string(REPLACE "release " "" zeroth_nvcc_version "${zeroth_nvcc_version}")
        if(zeroth_nvcc_version VERSION_GREATER_EQUAL 13)
            set(zeroth_has_cuda_compiler ON)
        else()
            message(STATUS "zeroth: ${CMAKE_CUDA_COMPILER} is not nvcc 13 or newer; zeroth::cuda is not provided unless asked for")
        endif()
    endif()
endif()
