# cmake -DVALGRIND= -DDRIVER= -DOUT= -P count.cmake
#
# Instructions an element of the kernels: those of 2^19 elements less those of 2^18, over 2^18, as Valgrind's callgrind counts them (it
# knows no AVX-512). Written as Google Benchmark writes its results. A kernel that cannot be counted is warned of and left out.

set(kernels increment reuse_pool mixed_pool rademacher rademacher_2_keys rademacher_8_keys rademacher_bfloat16 uniform gaussian
            gaussian_2_keys gaussian_bfloat16)
set(rows "")
foreach(kernel IN LISTS kernels)
    set(is_counted TRUE)
    foreach(size IN ITEMS 262144 524288)
        execute_process(
            COMMAND "${VALGRIND}" --tool=callgrind --callgrind-out-file=/dev/null "${DRIVER}" ${kernel} ${size}
            RESULT_VARIABLE result
            OUTPUT_QUIET
            ERROR_VARIABLE log
        )
        if(NOT result EQUAL 0 OR NOT log MATCHES "Collected : ([0-9]+)")
            message(WARNING "instructions of ${kernel} cannot be counted (${result}); its row is left out:\n${log}")
            set(is_counted FALSE)
            break()
        endif()
        set(instructions_${size} ${CMAKE_MATCH_1})
    endforeach()
    if(NOT is_counted)
        continue()
    endif()
    math(EXPR hundredths "(100 * (${instructions_524288} - ${instructions_262144}) + 131072) / 262144")
    math(EXPR whole "${hundredths} / 100")
    math(EXPR tenth "${hundredths} % 100 / 10")
    math(EXPR hundredth "${hundredths} % 10")
    set(number "${whole}.${tenth}${hundredth}")
    message(STATUS "${kernel}: ${number} instructions an element")
    list(APPEND rows "{\"name\": \"instructions/${kernel}\", \"instructions_element\": ${number}}")
endforeach()
list(JOIN rows ",\n" rows)
file(WRITE "${OUT}" "{\"context\": {}, \"benchmarks\": [\n${rows}\n]}\n")
