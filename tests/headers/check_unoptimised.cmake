# Without optimisation compilers' intrinsics are other macros, of which some do not take what a library hands them.

cmake_policy(VERSION 3.25)

set(program "${SCRATCH}/${MARCH}.cpp")
file(
    WRITE "${program}"
    [[
#include <zeroth/backends/simd.hpp>
#include <zeroth/zeroth.hpp>

template class zeroth::Cursor<zeroth::Gaussian, zeroth::InPlace, zeroth::Simd<>>;
template class zeroth::Cursor<zeroth::Rademacher, zeroth::Snapshot, zeroth::Simd<>>;
template class zeroth::Cursor<zeroth::Sphere, zeroth::Exact, zeroth::Simd<>>;
]]
)
# A compiler's own folder is not to be named.
set(includes ${XSIMD})
list(FILTER includes EXCLUDE REGEX "^/usr/include$|NOTFOUND$")
list(TRANSFORM includes PREPEND "-isystem")
execute_process(
    COMMAND "${COMPILER}" -std=c++20 -O0 -march=${MARCH} -fsyntax-only "-I${INCLUDE}" ${includes} "${program}"
    RESULT_VARIABLE status
    ERROR_VARIABLE output
)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "not compiled for ${MARCH} without optimisation:\n${output}")
endif()
