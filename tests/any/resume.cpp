// A run that is saved and gone on with has the bits of the one that was not; what is damaged or of another method is refused.

#include "any/any_model.hpp"

#include <zeroth/zeroth.hpp>

#include <algorithm>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <exception>
#include <stdexcept>

using namespace zeroth;
using Catch::Matchers::ContainsSubstring;

namespace {

using Bytes = std::vector<std::byte>;

Bytes saved(AnyOptimizer& optimizer) {
    Bytes bytes;
    optimizer.save([&bytes](std::span<const std::byte> piece) { bytes.insert(bytes.end(), piece.begin(), piece.end()); });
    return bytes;
}
Resume from(const Bytes& bytes) {
    return {[&bytes, at = std::size_t{0}](std::span<std::byte> piece) mutable {
        const std::size_t size = std::min(piece.size(), bytes.size() - at);
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), size, piece.begin());
        at += size;
        return size;
    }};
}
StepReport step(AnyOptimizer& optimizer, any::Model<>& model) {
    return optimizer.step([&] { return model.loss(); }, [&](std::span<const GradientBlock> blocks) { return model.gradient(blocks); },
                          [&](const Tangent& tangent) { return model.along(tangent); });
}

} // namespace

TEST_CASE("Stopped after any step, a run goes on with the same bits") {
    for (const char* const text :
         {"update=sgd learning-rate=0.1", "update=momentum learning-rate=0.01 restore=exact", "update=adam learning-rate=1e-3 restore=snapshot queries=2",
          "update=adam learning-rate=1e-3 window=4", "update=momentum learning-rate=0.01 window=3 normalize=true", "update=conservative learning-rate=0.1 restore=exact",
          "estimator=fzoo direction=rademacher learning-rate=1e-3", "direction=sphere update=momentum learning-rate=0.01", "direction=low-rank update=sign learning-rate=1e-3",
          "direction=pool update=momentum learning-rate=0.01", "mask=magnitude:0.1 mask-every=4 update=momentum learning-rate=0.01",
          "mask=global:0.1 mask-every=3 direction=rademacher update=adam learning-rate=1e-3", "estimator=coordinate queries=3 update=momentum learning-rate=0.01",
          "estimator=first-order update=adam learning-rate=1e-3", "estimator=forward-gradient update=adam learning-rate=1e-3"}) {
        for (const Settling settling : {Settling::each_step, Settling::lazily}) {
            INFO(text << (settling == Settling::lazily ? ", lazily" : ""));
            const Method method = Method::from(text);
            const AnySettings settings{.seed = 7, .settling = settling};
            any::Model whole;
            {
                AnyOptimizer optimizer{whole.parameters(), method, settings};
                for (int i = 0; i < 10; ++i) {
                    step(optimizer, whole);
                }
            }
            for (int stop = 0; stop <= 10; ++stop) {
                any::Model model;
                Bytes state;
                any::Model stood;
                {
                    AnyOptimizer optimizer{model.parameters(), method, settings};
                    for (int i = 0; i < stop; ++i) {
                        step(optimizer, model);
                    }
                    state = saved(optimizer);
                    stood = model;
                }
                AnyOptimizer optimizer{stood.parameters(), method, {.seed = 7, .settling = settling, .threads = 1}, from(state)};
                REQUIRE(optimizer.steps() == static_cast<std::uint64_t>(stop));
                for (int i = stop; i < 10; ++i) {
                    step(optimizer, stood);
                }
                optimizer.settle();
                REQUIRE(stood == whole);
            }
        }
    }
}

TEST_CASE("A state of another method, cut short or damaged is refused, and the weights stay") {
    any::Model model;
    const Method method = Method::from("update=momentum mask=magnitude:0.1 learning-rate=0.01");
    AnyOptimizer optimizer{model.parameters(), method};
    step(optimizer, model);
    const Bytes state = saved(optimizer);
    const any::Model stood = model;
    const auto load = [&](const Method& by, const Bytes& bytes) { AnyOptimizer{model.parameters(), by, {}, from(bytes)}; };
    CHECK_THROWS_WITH(load(Method::from("update=adam mask=magnitude:0.1"), state), ContainsSubstring("update=momentum"));
    CHECK_THROWS_AS(load(Method::from("update=momentum"), state), std::invalid_argument);
    for (std::size_t size = 0; size < state.size(); size += size < 400 || size + 400 > state.size() ? 1 : 97) {
        CHECK_THROWS_AS(load(method, Bytes(state.begin(), state.begin() + static_cast<std::ptrdiff_t>(size))), std::exception);
    }
    for (std::size_t at = 0; at < state.size(); at += at < 400 || at + 400 > state.size() ? 1 : 97) {
        Bytes damaged = state;
        damaged[at] ^= std::byte{0x10};
        INFO(at);
        CHECK_THROWS_AS(load(method, damaged), std::exception);
    }
    CHECK(model == stood);
    load(method, state);
}
