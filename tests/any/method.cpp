// A method's text, and what is refused of it.

#include "allocations.hpp"
#include "any/any_model.hpp"

#include <zeroth/zeroth.hpp>

#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <clocale>
#include <stdexcept>

using namespace zeroth;
using Catch::Matchers::ContainsSubstring;

namespace {

void check_refused(const std::string& text, const std::string& why) {
    INFO(text);
    any::Model model;
    CHECK_THROWS_WITH((AnyOptimizer{model.parameters(), Method::from(text)}), ContainsSubstring(why));
    CHECK(model == any::Model{});
}

} // namespace

TEST_CASE("A description is the method again") {
    const Method method = Method::from("--estimator fzoo --direction rademacher --queries 8 --mask=2:4 learning-rate=0.1 epsilon=1e-3\n"
                                       "weight-decay=0.30000000000000004 scales=*norm=0.5,a=2 schedule=trapezoid:10 steps=18446744073709551615");
    CHECK(method.estimator == "fzoo");
    CHECK(method.direction == "rademacher");
    CHECK(method.queries == 8u);
    CHECK(method.mask == "2:4");
    CHECK(method.learning_rate == 0.1);
    CHECK(method.weight_decay == 0.1 + 0.2);
    CHECK(method.scales == "*norm=0.5,a=2");
    CHECK(method.steps == ~std::uint64_t{0});
    CHECK(method.description() ==
          "estimator=fzoo direction=rademacher mask=2:4 scales=*norm=0.5,a=2 queries=8 epsilon=0.001 learning-rate=0.1 "
          "schedule=trapezoid:10 steps=18446744073709551615 weight-decay=0.30000000000000004");
    CHECK(Method::from(method.description()).description() == method.description());
    CHECK(Method{}.description() == "estimator=two-sided");
    CHECK(method.kind() == "estimator=fzoo direction=rademacher mask=2:4");
}

TEST_CASE("Numbers are read and written alike in every locale") {
    const std::string before = std::setlocale(LC_ALL, nullptr);
    for (const char* const name : {"C", "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"}) {
        if (std::setlocale(LC_ALL, name) != nullptr) {
            CHECK(Method::from("learning-rate=0.5").description() == "estimator=two-sided learning-rate=0.5");
        }
    }
    std::setlocale(LC_ALL, before.c_str());
}

TEST_CASE("What there is not is named, with what there is") {
    check_refused("estimator=spsa", "there are two-sided, one-sided, fzoo, kernel, coordinate, forward-gradient and first-order");
    check_refused("direction=cauchy", "there are gaussian, rademacher, uniform, sphere, pool, lfsr, mixed-pool and low-rank");
    check_refused("update=lion", "there are sgd, sign, sign-scalar, momentum, conservative, adam and adamw");
    check_refused("restore=never", "there are in-place, exact and snapshot");
    check_refused("block-order=both", "there are all, cyclic, random and jacobi");
    check_refused("schedule=step learning-rate=1", "there are constant, linear, cosine and trapezoid");
    check_refused("mask=half", "there are none, bernoulli:S, global:S, magnitude:S, small:S and N:M");
    check_refused("scales=half", "there are none, rms and PATTERN=FACTOR,...");
    check_refused("scales=nothing=2", "pattern 'nothing' fits no block's name");
    check_refused("step=3", "there is no 'step'; there are estimator, kernel-order, direction");
    check_refused("fzoo", "'fzoo' is not NAME=VALUE");
    check_refused("queries=-1", "not a whole number");
    check_refused("queries=1.5", "not a whole number");
    check_refused("queries=4294967296", "not a whole number");
    check_refused("epsilon=tiny", "not a number");
    check_refused("epsilon=", "not a number");
    check_refused("normalize=maybe", "true or false");
}
TEST_CASE("What does not go together, or is out of range, is refused") {
    check_refused("epsilon=0", "epsilon");
    check_refused("learning-rate=-1", "learning_rate");
    check_refused("estimator=fzoo queries=1", "queries");
    check_refused("estimator=kernel kernel-order=7", "kernel-order");
    check_refused("schedule=linear learning-rate=1", "steps");
    check_refused("schedule=linear steps=9", "needs a learning-rate");
    check_refused("mask=bernoulli:1.5", "mask");
    check_refused("mask=5:4", "n");
    check_refused("mask=bernoulli:0.5 direction=sphere", "direction=sphere");
    check_refused("estimator=coordinate direction=sphere", "does not go with estimator=coordinate");
    check_refused("estimator=first-order direction=sphere", "does not go with estimator=first-order");
    check_refused("estimator=coordinate scales=rms", "estimator=coordinate");
    check_refused("update=sgd window=3", "window goes with");
    check_refused("update=sgd momentum=0.5", "momentum goes with");
    check_refused("update=momentum momentum=1", "momentum");
    check_refused("update=momentum beta1=0.5", "beta1 and beta2 go with");
    check_refused("estimator=coordinate clip=-1", "clip");
    check_refused("update=adam normalize=true", "normalize goes with");
    check_refused("estimator=forward-gradient update=conservative", "needs losses");
    check_refused("estimator=first-order update=conservative", "first-order takes the updates");
    check_refused("estimator=first-order update=momentum window=3", "first-order takes the updates");
    check_refused("estimator=first-order mask=bernoulli:0.5", "no partition, hybrid, mask or scales");
}

TEST_CASE("A step is told which loss it needs") {
    any::Model model;
    const auto forward = [&] { return model.loss(); };
    const auto gradient = [&](std::span<const GradientBlock> blocks) { return model.gradient(blocks); };
    AnyOptimizer by_losses{model.parameters(), Method{}};
    CHECK_THROWS_WITH(by_losses.step(gradient), ContainsSubstring("needs a ForwardFn"));
    AnyOptimizer by_gradients{model.parameters(), Method{.estimator = "first-order"}};
    CHECK_THROWS_WITH(by_gradients.step(forward), ContainsSubstring("needs a GradientFn"));
    AnyOptimizer by_tangents{model.parameters(), Method{.estimator = "forward-gradient"}};
    CHECK_THROWS_WITH(by_tangents.step(forward), ContainsSubstring("needs a DirectionalFn"));
    CHECK(model == any::Model{});
    CHECK(by_losses.step(forward, gradient).reason == Reason::updated);
}

TEST_CASE("A step allocates nothing") {
    for (const char* const text : {"direction=gaussian queries=3 update=adam", "direction=sphere update=momentum window=4", "estimator=fzoo direction=rademacher",
                                   "direction=low-rank restore=exact", "direction=pool restore=snapshot update=sign", "mask=bernoulli:0.1 update=conservative",
                                   "estimator=coordinate queries=3", "estimator=first-order update=adamw"}) {
        INFO(text);
        any::Model model;
        AnyOptimizer optimizer{model.parameters(), Method::from(text), {.threads = 1}};
        const auto step = [&] {
            return optimizer.step([&] { return model.loss(); }, [&](std::span<const GradientBlock> blocks) { return model.gradient(blocks); });
        };
        step();
        const std::size_t before = allocations;
        for (int i = 0; i < 5; ++i) {
            step();
        }
        CHECK(allocations == before);
    }
}

TEST_CASE("A loss that throws or is not finite leaves the weights as they were") {
    for (const char* const restore : {"exact", "snapshot"}) {
        any::Model model;
        AnyOptimizer optimizer{model.parameters(), Method{.estimator = "fzoo", .direction = "rademacher", .update = "adam", .restore = restore}, {.seed = 2}};
        optimizer.step([&] { return model.loss(); });
        const any::Model before = model;
        int calls = 0;
        CHECK_THROWS_AS(optimizer.step([&]() -> double { return ++calls == 3 ? throw std::domain_error{"no"} : model.loss(); }), std::domain_error);
        CHECK(model == before);
        CHECK(optimizer.step([&] { return std::nan(""); }).reason == Reason::non_finite_loss);
        CHECK(model == before);
        CHECK(optimizer.step([&] { return model.loss(); }).reason == Reason::updated);
    }
}
