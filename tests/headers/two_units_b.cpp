#include "all_headers.hpp"

const void* address_of_function_in_b();

const void* address_of_function_in_b() { return reinterpret_cast<const void*>(&zeroth::counter_words); }
