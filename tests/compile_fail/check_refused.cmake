# cmake -DCOMPILER=... -DINCLUDE=... -DPROGRAM=... -P check_refused.cmake: see CMakeLists.txt beside this file.

cmake_policy(VERSION 3.25)

set(most_lines 19)
set(command "${COMPILER}" -std=c++20 -fsyntax-only -Wall -Wextra -Wconversion -Wshadow "-I${INCLUDE}" "${PROGRAM}")

set(expected "")
set(refused_line 0)
set(number 0)
# Semicolons and brackets mean something in a CMake list.
file(READ "${PROGRAM}" text)
string(REPLACE ";" "," text "${text}")
string(REGEX REPLACE "\r?\n" ";" lines "${text}")
string(REPLACE "[" "(" lines "${lines}")
string(REPLACE "]" ")" lines "${lines}")
foreach(line IN LISTS lines)
    math(EXPR number "${number} + 1")
    if(line MATCHES "// expect: (.+)$")
        set(expected "${CMAKE_MATCH_1}")
    elseif(line MATCHES "// at most ([0-9]+) lines")
        set(most_lines ${CMAKE_MATCH_1})
    elseif(line MATCHES "// refused here")
        set(refused_line ${number})
    endif()
endforeach()
if(NOT expected OR refused_line EQUAL 0)
    message(FATAL_ERROR "${PROGRAM}: needs a line '// expect: REGEX' and one marked '// refused here'")
endif()

execute_process(COMMAND ${command} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "the twin that must compile does not:\n${output}")
endif()
if(NOT output STREQUAL "")
    message(FATAL_ERROR "the twin compiles with warnings:\n${output}")
endif()

execute_process(
    COMMAND ${command} -DZEROTH_REFUSED -fno-diagnostics-color
    RESULT_VARIABLE status
    OUTPUT_VARIABLE output
    ERROR_VARIABLE output
)
message(STATUS "the compiler said:\n${output}")
if(status EQUAL 0)
    message(FATAL_ERROR "the misuse was not refused")
endif()
if(NOT output MATCHES "${expected}")
    message(FATAL_ERROR "the message does not say '${expected}'")
endif()
cmake_path(GET PROGRAM FILENAME file)
string(REPLACE "." "\\." file_regex "${file}")
if(NOT output MATCHES "${file_regex}:${refused_line}[:,]")
    message(FATAL_ERROR "the message does not name line ${refused_line} of ${file}, where the misuse is")
endif()
string(REGEX MATCHALL "\n" newlines "${output}")
list(LENGTH newlines count)
if(count GREATER most_lines)
    message(FATAL_ERROR "the message has ${count} lines; at most ${most_lines} are allowed")
endif()
message(STATUS "refused in ${count} lines")
