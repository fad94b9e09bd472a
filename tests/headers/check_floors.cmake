# The direction of the includes: a header includes headers of its own floor and of the floors below, never of one above.
# Third parties are reached from their own places only.

cmake_policy(VERSION 3.25)

# From the ground up. A name is a folder of include/zeroth or a header in it without its extension. Rays and what draws
# them stand below directions, which make rays for certain blocks and a backend.
set(floors config ground random schedules parameters rays backends directions cursor estimators updates step_report settings resume update_range update_size made_of projections journal optimizer block_optimizer first_order advice any zeroth)
# These may include every floor (and are included by none).
set(annexes adapters distributed cuda testing)

set(errors "")
file(
    GLOB_RECURSE headers
    RELATIVE "${INCLUDE}/zeroth"
    "${INCLUDE}/zeroth/*.hpp" "${INCLUDE}/zeroth/*.cuh" "${INCLUDE}/zeroth/*.cpp"
)
list(LENGTH headers header_count)
if(header_count EQUAL 0)
    message(FATAL_ERROR "no headers found under ${INCLUDE}/zeroth")
endif()

# floor_of(PATH OUT): the name of the floor that a header stands on.
function(floor_of path out)
    string(REGEX REPLACE "/.*$" "" name "${path}")
    string(REGEX REPLACE "\\.(hpp|cuh)$" "" name "${name}")
    set(${out} "${name}" PARENT_SCOPE)
endfunction()

foreach(header IN LISTS headers)
    floor_of("${header}" floor)
    list(FIND floors "${floor}" rank)
    if(floor IN_LIST annexes)
        list(LENGTH floors rank)
    elseif(rank EQUAL -1)
        list(APPEND errors "${header}: stands on no floor (${floors}) and in no annex (${annexes})")
        continue()
    endif()

    file(STRINGS "${INCLUDE}/zeroth/${header}" lines REGEX "^[ \t]*#[ \t]*include")
    foreach(line IN LISTS lines)
        if(line MATCHES "#[ \t]*include[ \t]*\"")
            list(APPEND errors "${header}: ${line}: write <zeroth/...>")
        elseif(line MATCHES "<zeroth/([^>]+)>")
            set(included "${CMAKE_MATCH_1}")
            if(NOT EXISTS "${INCLUDE}/zeroth/${included}")
                list(APPEND errors "${header}: includes zeroth/${included}, which does not exist")
                continue()
            endif()
            floor_of("${included}" included_floor)
            list(FIND floors "${included_floor}" included_rank)
            if(included_floor IN_LIST annexes)
                if(NOT floor STREQUAL included_floor)
                    list(APPEND errors "${header}: includes ${included}, which nothing but its own folder may include")
                endif()
            elseif(included MATCHES "^any/sources" AND NOT header MATCHES "^any/sources")
                list(APPEND errors "${header}: includes ${included}, which zeroth::any alone compiles")
            elseif(included_rank GREATER rank)
                list(APPEND errors "${header}: includes ${included}, of a floor above its own")
            endif()
            if(included MATCHES "^backends/simd" AND NOT header MATCHES "^(backends/simd|testing/|any/sources/)")
                list(APPEND errors "${header}: includes ${included}: only the user of xsimd pays for it")
            endif()
        elseif(line MATCHES "<xsimd" AND NOT header MATCHES "^backends/simd")
            list(APPEND errors "${header}: includes xsimd, only backends/simd* may")
        elseif(line MATCHES "<(Eigen|torch|onnxruntime|ggml|mpi)" AND NOT header MATCHES "^(adapters|distributed)/")
            list(APPEND errors "${header}: includes ${CMAKE_MATCH_1}, only adapters and distributed may")
        endif()
    endforeach()
endforeach()

if(errors)
    list(JOIN errors "\n  " text)
    message(FATAL_ERROR "floors:\n  ${text}")
endif()
message(STATUS "${header_count} headers keep to their floors")
