// The program as its user sees it: what it prints and ends with.

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <string>

#include <data_file.hpp>
#include <sys/wait.h>

namespace {

/// What a run of the program left.
struct Run {
    int status = -1;
    std::string text;  ///< of both streams
};

Run run(const std::string& arguments) {
    std::FILE* const pipe = ::popen(("'" MNIST_PROGRAM "' " + arguments + " 2>&1").c_str(), "r");
    REQUIRE(pipe != nullptr);
    Run run;
    char part[4096];
    for (std::size_t count; (count = std::fread(part, 1, sizeof part, pipe)) > 0;) run.text.append(part, count);
    const int status = ::pclose(pipe);
    run.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return run;
}

/// One line that begins with the program and the option, and status 2.
void check_refused(const std::string& arguments, const std::string& option) {
    INFO(arguments);
    const Run refused = run(arguments);
    INFO(refused.text);
    CHECK(refused.status == 2);
    CHECK(refused.text.starts_with("mnist: " + option + ": "));
    CHECK(std::ranges::count(refused.text, '\n') == 1);
}

/// The accuracy in the line with this beginning.
double accuracy_after(const std::string& text, const std::string& beginning) {
    const std::size_t line = text.find(beginning);
    REQUIRE(line != std::string::npos);
    const std::string word = "accuracy ";
    const std::size_t at = text.find(word, line);
    REQUIRE(at != std::string::npos);
    return std::stod(text.substr(at + word.size()));
}

}  // namespace

TEST_CASE("Options of mnist that cannot be followed are refused") {
    check_refused("--estimator three-sided", "--estimator");
    check_refused("--queries 1", "--queries");
    check_refused("--forwards 8", "--forwards");
    check_refused("--momentum 1", "--momentum");
    check_refused("--normalize meazo", "--normalize");
    check_refused("--train fc3.weight", "--train");
    check_refused("--train fc1.bias,fc1.bias", "--train");
    check_refused("--scale fc1.weight", "--scale");
    check_refused("--scale fc3.weight=2", "--scale");
    check_refused("--train fc1.bias --scale fc2.bias=2", "--scale");
    check_refused("--recommended --epsilon 1e-3", "--epsilon");
    check_refused("--data /nowhere", "/nowhere/mlp.safetensors");
}

TEST_CASE("Recommended settings adapt the perceptron to rotated digits") {
    if (data_file("mnist/mlp.safetensors").empty()) SKIP("MNIST and its perceptron are not there");
    const Run adapted = run("--recommended --forwards 300 --validation");
    INFO(adapted.text);
    REQUIRE(adapted.status == 0);
    CHECK(accuracy_after(adapted.text, "seed 1, after ") > accuracy_after(adapted.text, "rotated by 45 degrees"));
    // The recommendation's passes are among the 300; a step's 9 would not have fitted in.
    const std::size_t passes = std::stoul(adapted.text.substr(adapted.text.find("after ") + 6));
    CHECK(passes <= 300);
    CHECK(passes > 300 - 9);
}
