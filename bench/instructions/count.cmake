# cmake -DVALGRIND= -DDRIVER= -DOUT= [-DCROSS_COMPILER= -DQEMU= -DSOURCE= -DINCLUDE= -DXSIMD=] -P count.cmake
#
# Instructions an element of the kernels: those of twice a number of elements less those of the number, over it. AVX2's as Valgrind's
# callgrind counts them (it knows no AVX-512); NEON's, where there is a compiler for aarch64, as qemu-user logs them one by one. Written as
# Google Benchmark writes its results. A kernel that cannot be counted is warned of and left out.

set(kernels increment reuse_pool mixed_pool rademacher rademacher_2_keys rademacher_8_keys rademacher_bfloat16 uniform gaussian
            gaussian_2_keys gaussian_bfloat16)
set(rows "")
set(elements_valgrind 262144)
set(elements_qemu 16384)

function(count_valgrind kernel size to)
    execute_process(
        COMMAND "${VALGRIND}" --tool=callgrind --callgrind-out-file=/dev/null "${DRIVER}" ${kernel} ${size}
        RESULT_VARIABLE result
        OUTPUT_QUIET
        ERROR_VARIABLE log
    )
    set(${to} "" PARENT_SCOPE)
    if(result EQUAL 0 AND log MATCHES "Collected : ([0-9]+)")
        set(${to} ${CMAKE_MATCH_1} PARENT_SCOPE)
    else()
        message(WARNING "instructions of ${kernel} cannot be counted (${result}); its row is left out:\n${log}")
    endif()
endfunction()

# A line of the log is an instruction.
function(count_qemu kernel size to)
    execute_process(
        COMMAND "${QEMU}" ${QEMU_STEP} -d nochain,exec -D "${OUT}.log" "${OUT}.driver" ${kernel} ${size}
        RESULT_VARIABLE result
        OUTPUT_QUIET
        ERROR_VARIABLE log
    )
    set(${to} "" PARENT_SCOPE)
    if(result EQUAL 0)
        execute_process(COMMAND wc -l INPUT_FILE "${OUT}.log" OUTPUT_VARIABLE lines OUTPUT_STRIP_TRAILING_WHITESPACE)
        set(${to} ${lines} PARENT_SCOPE)
    else()
        message(WARNING "instructions of ${kernel} on aarch64 cannot be counted (${result}); its row is left out:\n${log}")
    endif()
    file(REMOVE "${OUT}.log")
endfunction()

function(count counter row)
    set(own_rows "${rows}")
    foreach(kernel IN LISTS kernels)
        set(elements ${elements_${counter}})
        math(EXPR twice "2 * ${elements}")
        cmake_language(CALL count_${counter} ${kernel} ${elements} few)
        cmake_language(CALL count_${counter} ${kernel} ${twice} many)
        if(few STREQUAL "" OR many STREQUAL "")
            continue()
        endif()
        math(EXPR hundredths "(100 * (${many} - ${few}) + ${elements} / 2) / ${elements}")
        math(EXPR whole "${hundredths} / 100")
        math(EXPR tenth "${hundredths} % 100 / 10")
        math(EXPR hundredth "${hundredths} % 10")
        set(number "${whole}.${tenth}${hundredth}")
        message(STATUS "${row}/${kernel}: ${number} an element")
        list(APPEND own_rows "{\"name\": \"${row}/${kernel}\", \"instructions_element\": ${number}}")
    endforeach()
    set(rows "${own_rows}" PARENT_SCOPE)
endfunction()

count(valgrind instructions)
if(CROSS_COMPILER AND QEMU)
    # A compiler for another machine may not see this one's system headers: of these it gets xsimd alone.
    file(MAKE_DIRECTORY "${OUT}.include")
    file(CREATE_LINK "${XSIMD}/xsimd" "${OUT}.include/xsimd" SYMBOLIC)
    execute_process(
        COMMAND "${CROSS_COMPILER}" -std=c++20 -O3 -static "-I${INCLUDE}" "-I${OUT}.include" "${SOURCE}" -o "${OUT}.driver"
        RESULT_VARIABLE result
        ERROR_VARIABLE log
    )
    if(result EQUAL 0)
        execute_process(COMMAND "${QEMU}" -h OUTPUT_VARIABLE help)
        set(QEMU_STEP -singlestep) # by its older name
        if(help MATCHES "-one-insn-per-tb")
            set(QEMU_STEP -one-insn-per-tb)
        endif()
        count(qemu instructions_neon)
    else()
        message(WARNING "the driver cannot be compiled for aarch64; its rows are left out:\n${log}")
    endif()
    file(REMOVE_RECURSE "${OUT}.include" "${OUT}.driver")
endif()
list(JOIN rows ",\n" rows)
file(WRITE "${OUT}" "{\"context\": {}, \"benchmarks\": [\n${rows}\n]}\n")
