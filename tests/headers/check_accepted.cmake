# Flags that a program may be compiled with, and headers that it may include besides zeroth.hpp: HEADER compiles with FLAGS
# where the compiler knows them.

cmake_policy(VERSION 3.25)
if(NOT DEFINED HEADER)
    set(HEADER zeroth/zeroth.hpp)
endif()
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
    COMMAND "${COMPILER}" -std=c++20 ${flags} -fsyntax-only "-I${INCLUDE}" -x c++ "${INCLUDE}/${HEADER}" -w
    RESULT_VARIABLE status
    ERROR_VARIABLE output
)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "${HEADER} is refused with ${FLAGS}:\n${output}")
endif()
