// Rewrites the files of known answers, by scalar code and the reference backend: write_golden FOLDER, or the target write_golden.
//
// The answers are what runs of earlier versions are replayed by: every bit in them is a promise. A change of the library that makes this program
// write other words makes every journal and every comparison of before replay to other weights. So running it is no way to make a test pass: it
// is the last step of a decision that CHANGELOG.md notes, by what changes and why. New lines, for what the library did not have, are
// no such decision.

#include "answers.hpp"

#include <cstdio>
#include <fstream>

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: write_golden FOLDER\n");
        return 2;
    }
    for (const golden::File& file : golden::files()) {
        const golden::Answers answers = file.make();
        std::ofstream out{std::string{argv[1]} + "/" + file.name, std::ios::binary};
        out << golden::text(file, answers);
        out.close();
        if (!out) {
            std::fprintf(stderr, "write_golden: cannot write %s\n", file.name.c_str());
            return 1;
        }
        std::printf("%s: %zu answers\n", file.name.c_str(), answers.size());
    }
    return 0;
}
