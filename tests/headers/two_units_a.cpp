// With two_units_b.cpp: every header in two translation units of one program. What is not inline is defined twice, which
// the linker refuses.

#include "all_headers.hpp"

#include <catch2/catch_test_macros.hpp>

const void* address_of_function_in_b();

const void* address_of_function_in_a() { return reinterpret_cast<const void*>(&zeroth::counter_words); }

TEST_CASE("every header in two translation units of one program") {
    CHECK(address_of_function_in_a() == address_of_function_in_b());
}
