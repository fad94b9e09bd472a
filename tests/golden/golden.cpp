// Numbers, masks, keys and weights against the files of known answers. A test never writes them: see write.cpp.

#include "answers.hpp"
#include "backends.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <map>
#include <string>

namespace {

/// The lines of some files by their names.
std::map<std::string, std::string> known(const std::string& files) {
    std::map<std::string, std::string> result;
    for (const golden::File& file : golden::files()) {
        if (file.name.starts_with(files)) {
            for (const golden::Answer& answer : golden::read(ZEROTH_GOLDEN_DIR, file.name)) {
                INFO(file.name << ": " << answer.name);
                REQUIRE(result.emplace(answer.name, answer.words).second);
            }
        }
    }
    return result;
}

/// Names what differs: of many lines the first of them.
void compare(const golden::Answers& answers, const std::map<std::string, std::string>& expected) {
    constexpr std::size_t shown = 12;
    std::size_t differing = 0;
    for (const golden::Answer& answer : answers) {
        const auto line = expected.find(answer.name);
        if (line != expected.end() && line->second == answer.words) {
            continue;
        }
        if (++differing <= shown) {
            UNSCOPED_INFO(answer.name << "\n    is    " << answer.words << "\n    known "
                                      << (line == expected.end() ? std::string{"(no such line)"} : line->second));
        }
    }
    INFO(differing << " of " << answers.size() << " lines differ");
    CHECK(differing == 0);
}

/// Some of the weights.
void compare_weights(const golden::Answers& answers, std::size_t at_least) {
    CHECK(answers.size() >= at_least);
    compare(answers, known("weights_"));
}

void compare_file(const std::string& name) {
    for (const golden::File& file : golden::files()) {
        if (file.name == name) {
            const golden::Answers answers = file.make();
            const std::map<std::string, std::string> expected = known(name);
            CHECK(answers.size() == expected.size());
            CHECK_FALSE(answers.empty());
            compare(answers, expected);
            return;
        }
    }
    FAIL("no file " << name);
}

} // namespace

TEST_CASE("Directions give the numbers that they gave") { compare_file("directions.txt"); }
TEST_CASE("Masks touch the weights that they touched") { compare_file("masks.txt"); }
TEST_CASE("Keys give the words that they gave") { compare_file("keys.txt"); }
TEST_CASE("Schedules give the rates that they gave") { compare_file("schedules.txt"); }
TEST_CASE("Every method in place leaves the weights that it left") { compare_file("weights_in_place.txt"); }
TEST_CASE("Every method on Exact's grid leaves the weights that it left") { compare_file("weights_exact.txt"); }
TEST_CASE("Every method with a snapshot leaves the weights that it left") { compare_file("weights_snapshot.txt"); }
TEST_CASE("Descent along every direction leaves the weights that it left") { compare_file("weights_directions.txt"); }

#if defined(ZEROTH_GOLDEN_SIMD)
TEST_CASE("Registers leave the weights that the reference left") { compare_weights(golden::simd(), 30); }
TEST_CASE("Threads leave the weights that the reference left") { compare_weights(golden::threads(), 20); }
TEST_CASE("A device's threads leave the weights that the reference left") { compare_weights(golden::device(), 60); }

#if defined(__x86_64__)
TEST_CASE("SSE2 leaves the weights that the reference left") { compare_weights(golden::on_sse2(), 40); }
TEST_CASE("AVX2 leaves the weights that the reference left") {
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
        SKIP("this machine has no AVX2");
    }
    compare_weights(golden::on_avx2(), 40);
}
TEST_CASE("AVX-512 leaves the weights that the reference left") {
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512vl")) {
        SKIP("this machine has no AVX-512");
    }
    compare_weights(golden::on_avx512(), 40);
}
#endif
#endif
