# Flags under which a run would have other bits, or the library does not compile, are refused by the first header, with a
# message that names the library.

cmake_policy(VERSION 3.25)
set(command "${COMPILER}" -std=c++20 -O1 -fsyntax-only "-I${INCLUDE}" -x c++ "${INCLUDE}/zeroth/config.hpp")
execute_process(COMMAND ${command} -w RESULT_VARIABLE status ERROR_VARIABLE output)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "config.hpp does not compile without the flag either:\n${output}")
endif()
# GCC associates sums only where signs of zero and traps are given up as well.
execute_process(
    COMMAND ${command} -w ${FLAG} -fno-signed-zeros -fno-trapping-math
    RESULT_VARIABLE status
    ERROR_VARIABLE output
)
if(COMPILER_ID MATCHES "Clang" AND FLAG MATCHES "associative|reciprocal")
    # Clang has no macro that tells; its users are told in the documentation.
    message(STATUS "Clang does not tell a program of ${FLAG}")
    return()
endif()
if(status EQUAL 0)
    message(FATAL_ERROR "${FLAG} was not refused")
endif()
if(NOT output MATCHES "#error \"zeroth: ")
    message(FATAL_ERROR "${FLAG} was refused without a message of the library's:\n${output}")
endif()
