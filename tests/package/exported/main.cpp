#include <zeroth/config.hpp>

#include <cstdio>

int mine();

int main() { std::printf("step %d  loss %d\n", mine(), ZEROTH_VERSION_MAJOR); }
