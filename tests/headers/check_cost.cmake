# What #include <zeroth/zeroth.hpp> brings and costs: neither xsimd nor Eigen, and under 0.4 s with GCC:
# that is 2.1 times what the standard headers it includes cost by themselves, on a machine of any speed.

cmake_policy(VERSION 3.25)

set(limit_ms 400)
set(tries 12)

file(MAKE_DIRECTORY "${SCRATCH}")
set(program "${SCRATCH}/include.cpp")
file(WRITE "${program}" "#include <zeroth/zeroth.hpp>\n")
set(command "${COMPILER}" -std=c++20 "-I${INCLUDE}")

execute_process(
    COMMAND ${command} -M "${program}"
    RESULT_VARIABLE status
    OUTPUT_VARIABLE included
    ERROR_VARIABLE error
)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "zeroth.hpp does not compile:\n${error}")
endif()
foreach(foreign IN ITEMS "/xsimd/" "/Eigen/" "/omp\\.h")
    if(included MATCHES "${foreign}")
        message(FATAL_ERROR "zeroth.hpp includes ${foreign}")
    endif()
endforeach()

# cost_of(FILE OUT): lowers OUT to the milliseconds of the processor's time that FILE takes, by the shell's own account of its children.
function(cost_of file out)
    execute_process(
        COMMAND sh -c "\"$@\" && times" sh ${command} -fsyntax-only "${file}"
        RESULT_VARIABLE status
        OUTPUT_VARIABLE times
    )
    set(number "([0-9]+)m([0-9]+)[.,]([0-9]+)s")
    if(NOT status EQUAL 0 OR NOT times MATCHES "\n${number} ${number}")
        message(FATAL_ERROR "the compiler's time could not be taken: ${times}")
    endif()
    set(taken_ms 0)
    foreach(minutes IN ITEMS 1 4)
        math(EXPR seconds "${minutes} + 1")
        math(EXPR fraction "${minutes} + 2")
        string(SUBSTRING "${CMAKE_MATCH_${fraction}}000" 0 3 thousandths)
        math(
            EXPR taken_ms
            "${taken_ms} + 60000 * ${CMAKE_MATCH_${minutes}} + 1000 * ${CMAKE_MATCH_${seconds}} + 1${thousandths} - 1000"
        )
    endforeach()
    if(taken_ms LESS ${out})
        set(${out} ${taken_ms} PARENT_SCOPE)
    endif()
endfunction()

if(NOT COMPILER_ID STREQUAL "GNU")
    message(STATUS "the limit is for GCC")
    return()
endif()
# The standard headers that the headers in question include by themselves.
string(REGEX MATCHALL "[^ \n]*/zeroth/[a-z_0-9/]+\\.hpp" headers "${included}")
set(includes "")
foreach(header IN LISTS headers)
    file(STRINGS "${header}" lines REGEX "^#include <[a-z_0-9]+>$")
    list(APPEND includes ${lines})
endforeach()
list(REMOVE_DUPLICATES includes)
list(JOIN includes "\n" includes)
set(standard "${SCRATCH}/standard.cpp")
file(WRITE "${standard}" "${includes}\n")

# In turn, so that a slow spell of the machine meets both; the best of each.
set(cost_ms 1000000)
set(standard_ms 1000000)
foreach(try RANGE 1 ${tries})
    cost_of("${program}" cost_ms)
    cost_of("${standard}" standard_ms)
endforeach()
math(EXPR percent "100 * ${cost_ms} / (${standard_ms} + 1)")
set(said "zeroth.hpp costs ${cost_ms} ms, ${percent} % of the standard headers it includes (${standard_ms} ms)")
message(STATUS "${said}; best of ${tries}")
if(cost_ms GREATER_EQUAL limit_ms AND percent GREATER_EQUAL 210)
    message(FATAL_ERROR "${said}; the limit is ${limit_ms} ms, or 210 %")
endif()
