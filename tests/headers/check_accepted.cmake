# Flags that a program may be compiled with: zeroth.hpp compiles with them where the compiler knows them.

cmake_policy(VERSION 3.25)
separate_arguments(flags UNIX_COMMAND "${FLAGS}")
execute_process(
    COMMAND "${COMPILER}" -std=c++20 ${flags} -fsyntax-only -x c++ /dev/null
    RESULT_VARIABLE status
    ERROR_QUIET
)
if(NOT status EQUAL 0)
    message(STATUS "this compiler does not know ${FLAGS}")
    return()
endif()
execute_process(
    COMMAND "${COMPILER}" -std=c++20 ${flags} -fsyntax-only "-I${INCLUDE}" -x c++ "${INCLUDE}/zeroth/zeroth.hpp" -w
    RESULT_VARIABLE status
    ERROR_VARIABLE output
)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "zeroth.hpp is refused with ${FLAGS}:\n${output}")
endif()
