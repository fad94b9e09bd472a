// What the passes hold is what a plan reckons from the shape alone.

#include <llama/adapters.hpp>
#include <llama/backward.hpp>
#include <llama/forward.hpp>
#include <llama/forward_mode.hpp>
#include <llama/memory.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

#if defined(__has_feature)
#define ZEROTH_TEST_HAS_FEATURE(name) __has_feature(name)
#else
#define ZEROTH_TEST_HAS_FEATURE(name) 0
#endif
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !ZEROTH_TEST_HAS_FEATURE(address_sanitizer) && \
    !ZEROTH_TEST_HAS_FEATURE(thread_sanitizer)
#include <malloc.h>
#if __GLIBC_PREREQ(2, 33)
#define ZEROTH_TEST_HEAP_IS_KNOWN
#endif
#endif

#if defined(ZEROTH_TEST_HEAP_IS_KNOWN)

namespace {

/// Bytes in use on the heap, as the allocator counts them.
std::size_t heap_bytes() {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

template <class Call>
void check_holds(std::size_t planned, Call call) {
    const std::size_t before = heap_bytes();
    const auto held = call();
    const auto used = static_cast<double>(heap_bytes() - before);
    CHECK(std::abs(used / static_cast<double>(planned) - 1) < 0.03);
}

}  // namespace

TEST_CASE("Passes hold what is planned") {
    const llama::Config config{.dim = 96, .hidden = 160, .layers = 3, .heads = 6, .kv_heads = 3, .vocab = 700, .sequence = 300, .tied = true};
    for (const llama::Adapters adapters : {llama::Adapters{}, llama::Adapters{.rank = 8}, llama::Adapters{.prefix = 5, .prompt = 10}}) {
        for (const std::size_t inputs : {20u, 200u}) {
            for (const int threads : {1, 2}) {
                INFO(adapters.rank << " " << adapters.prefix << ", " << inputs << " inputs, " << threads << " threads");
                llama::Model<float> model = llama::Model<float>::random(config, 1);
                llama::add_adapters(model, adapters, std::vector<int>(20, 5), 1);
                const std::vector<int> text(inputs + 1, 7);
                const std::vector<llama::Sequence> batch(24, llama::Sequence{text, 1});
                const llama::PassMemory<float> planned(config, adapters, inputs, threads);
                check_holds(planned.forward(), [&] {
                    llama::Forward<float> forward(model, threads);
                    forward.loss(batch);
                    return forward;
                });
                check_holds(planned.forward() + planned.kept_inputs(batch.size()), [&] {
                    llama::Forward<float> forward(model, threads);
                    forward.keep_inputs(true);
                    forward.loss(batch);
                    return forward;
                });
                llama::Model<float> gradients(config, adapters);
                check_holds(planned.backward(-1, gradients.values().size() + gradients.adapter_values().size()), [&] {
                    llama::Backward<float> backward(model, threads);
                    backward.loss_and_gradient(batch, gradients);
                    return backward;
                });
                llama::Gradients<float> last(config);
                REQUIRE(last.set("layers.2.wq", gradients.layer(2).wq));
                check_holds(planned.backward(2, gradients.layer(2).wq.size()), [&] {
                    llama::Backward<float> backward(model, threads);
                    backward.loss_and_gradient(batch, last);
                    return backward;
                });
                std::vector<double> sums(batch.size()), derivatives(batch.size());
                check_holds(planned.forward_mode(), [&] {
                    llama::ForwardMode<float> forward(model, threads);
                    forward.log_probabilities(batch, gradients, sums, derivatives);
                    return forward;
                });
            }
        }
    }
}

#else

TEST_CASE("Passes hold what is planned") { SKIP("this C library does not say what its heap holds"); }

#endif
