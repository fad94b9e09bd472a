#include "answers.hpp"

#include <bit>
#include <fstream>
#include <stdexcept>

namespace golden {

namespace {

const char* const of_weights =
    "# Weights after five steps of the problem in problem.hpp, from step fffffffe on, by the seed 9e3779b97f4a7c15.\n"
    "# The name: a method (direction, or rule and estimator), a restore policy, when it settles, and the types of the blocks that are\n"
    "# trained together: mixed is all that the policy takes. Then the blocks of one type; their answers are\n"
    "#   FNV-1a of all bits of the block of 5, of the one of 128 and of the largest;  first and last weight of the largest.\n"
    "# Where coefficients stands in place of a type, the answers are of the terms of the five estimates, as doubles:\n"
    "#   FNV-1a of all of them;  the first one of each step.\n";

} // namespace

const std::vector<File>& files() {
    static const std::vector<File> all{
        {"directions.txt",
         "# Numbers of the directions by their scalar form, as floats.\n"
         "#   at:    direction, key (seed, step, query), block (hash, rows, columns), element = number\n"
         "#   ends:  direction, key, block = numbers of the first element, of one in the middle and of the last\n"
         "#   chosen: the Coordinate's element, counted over all blocks\n",
         directions},
        {"masks.txt",
         "# Which weights masks touch.\n"
         "#   bernoulli: settings (keep as a double, refresh_every), key (seed, step, query), block (hash, rows, columns), element\n"
         "#              = 64 weights from the element on, bit k being the element + k\n"
         "#   others:    choice, block = how many are set, FNV-1a of the 32-bit words of the block's mask, the first words\n"
         "#   shares:    shares_by_magnitude = one double a block\n",
         masks},
        {"keys.txt",
         "# What is drawn from keys besides directions.\n"
         "#   philox:  purpose, key (seed, step, query) = the two words of philox_key\n"
         "#   dither:  purpose, key, block (hash, rows, columns), element = the 32 bits of the element\n"
         "#   radius:  key = KernelRge's, a double\n"
         "#   order:   BlockOptimizer's, seed, first step = the parts that 24 steps move\n",
         keys},
        {"schedules.txt",
         "# Learning rates: schedule, step = a double. Cosine is not among them: it calls the standard library's cosine.\n", schedules},
        {"weights_in_place.txt", of_weights, weights_in_place},
        {"weights_exact.txt", of_weights, weights_exact},
        {"weights_snapshot.txt", of_weights, weights_snapshot},
        {"weights_directions.txt", of_weights, weights_directions},
    };
    return all;
}

Answers read(const std::string& folder, const std::string& file) {
    std::ifstream in{folder + "/" + file};
    if (!in) {
        throw std::runtime_error{"no file " + file + " in " + folder};
    }
    Answers result;
    std::string line;
    while (std::getline(in, line)) {
        if (line.empty() || line[0] == '#') {
            continue;
        }
        const std::size_t equals = line.find(" = ");
        if (equals == std::string::npos) {
            throw std::runtime_error{file + ": a line without an answer: " + line};
        }
        result.push_back({line.substr(0, equals), line.substr(equals + 3)});
    }
    return result;
}

std::string text(const File& file, const Answers& answers) {
    std::string result = file.head + "#\n";
    for (const Answer& answer : answers) {
        result += answer.name + " = " + answer.words + "\n";
    }
    return result;
}

std::string hex(std::uint64_t word, int digits) {
    std::string result(static_cast<std::size_t>(digits), '0');
    for (std::size_t i = result.size(); i-- > 0; word >>= 4) {
        result[i] = "0123456789abcdef"[word & 15u];
    }
    return result;
}
std::string bits(float x) { return hex(std::bit_cast<std::uint32_t>(x), 8); }
std::string bits(double x) { return hex(std::bit_cast<std::uint64_t>(x), 16); }
std::string words(const zeroth::Key& key) { return hex(key.seed, 16) + " " + hex(key.step, 16) + " " + hex(key.query, 8); }
std::string words(const zeroth::BlockIdentity& block) {
    return hex(block.hash, 16) + " " + hex(block.rows, 8) + " " + hex(block.columns, 8);
}

} // namespace golden
