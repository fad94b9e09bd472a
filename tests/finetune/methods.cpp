// Every method on every scheme: what it costs, what it changes, and that the tasks' derivatives are right.

#include <finetune/classify.hpp>
#include <finetune/memory_plan.hpp>
#include <finetune/tensors.hpp>
#include <finetune/text.hpp>
#include <finetune/trainer.hpp>
#include <llama/adapters.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

using namespace finetune;

namespace {

constexpr int vocab = 40;

std::vector<int> some_tokens(std::size_t count) {
    std::vector<int> tokens(count);
    for (std::size_t i = 0; i < count; ++i) tokens[i] = static_cast<int>(3 + (i * i + i / 7) % 31);
    return tokens;
}

llama::Model<float> model_of(const Tuning& tuning) {
    llama::Model<float> model =
        llama::Model<float>::random({.dim = 16, .hidden = 24, .layers = 3, .heads = 2, .kv_heads = 1, .vocab = vocab, .sequence = 64}, 1);
    for (float& value : model.values()) value *= 3;
    llama::add_adapters<float>(model, tuning.adapters(), some_tokens(16), 1);
    return model;
}

std::unique_ptr<TextTask> text_task(const llama::Model<float>& model) {
    Chunks chunks;
    chunks.add_even(some_tokens(128), 16);
    return std::make_unique<TextTask>(model, 1, some_tokens(400), std::move(chunks), TextTask::Shape{.batch = 4, .length = 16}, 1);
}

std::unique_ptr<ClassifyTask> classify_task(const llama::Model<float>& model) {
    std::vector<llama::Tokenizer::Piece> pieces = {{"<unk>"}, {"<s>"}, {"</s>"}};
    while (pieces.size() < vocab) pieces.push_back({std::string(1, static_cast<char>('A' + pieces.size()))});
    const llama::Tokenizer tokenizer(std::move(pieces));
    LabelledSentences sentences;
    for (std::size_t i = 0; i < 12; ++i) {
        const std::vector<int> tokens = some_tokens(20);
        sentences.add(std::span(tokens).subspan(i % 5, 4 + i), i % 3);
    }
    return std::make_unique<ClassifyTask>(model, 1, Verbalizer(tokenizer, {"GH", "DEF", "E"}), sentences, sentences, ClassifyTask::Shape{.batch = 5, .length = 32}, 1);
}

std::vector<float> all_values(const llama::Model<float>& model) {
    std::vector<float> values(model.values().begin(), model.values().end());
    values.insert(values.end(), model.adapter_values().begin(), model.adapter_values().end());
    return values;
}

/// Names of the tensors that differ by more than `least` somewhere: restoring in place rounds.
std::vector<std::string> changed(llama::Model<float>& before, llama::Model<float>& after, float least = 0) {
    std::vector<std::string> names;
    const auto compare = [&](const auto& old_tensors, const auto& new_tensors) {
        for (std::size_t t = 0; t < old_tensors.size(); ++t) {
            const auto near = [least](float a, float b) { return std::abs(a - b) <= least; };
            if (!std::ranges::equal(old_tensors[t].values, new_tensors[t].values, near)) names.push_back(old_tensors[t].name);
        }
    };
    compare(before.tensors(), after.tensors());
    compare(before.adapter_tensors(), after.adapter_tensors());
    std::ranges::sort(names);
    return names;
}

Method method_of(Scheme scheme) {
    Method method;
    method.tuning = {.scheme = scheme, .rank = 2, .prefix = 3, .prompt = 4};
    method.learning_rate = 1e-3;
    return method;
}

constexpr Scheme schemes[] = {Scheme::full, Scheme::lora, Scheme::prefix, Scheme::prompt, Scheme::head};

}  // namespace

TEST_CASE("Every method takes its passes and moves the scheme's tensors, and no other") {
    std::map<std::string, std::function<void(Method&)>> variants;
    variants["zo-sgd"] = [](Method&) {};
    variants["queries"] = [](Method& m) { m.queries = 3; m.direction = DirectionKind::rademacher; };
    variants["one-sided"] = [](Method& m) { m.estimator = EstimatorKind::one_sided; m.queries = 2; m.direction = DirectionKind::sphere; };
    variants["fzoo"] = [](Method& m) { m.estimator = EstimatorKind::fzoo; m.queries = 3; };
    variants["kernel 3"] = [](Method& m) { m.estimator = EstimatorKind::kernel; m.kernel_order = 3; };
    variants["kernel 6"] = [](Method& m) { m.estimator = EstimatorKind::kernel; m.kernel_order = 6; m.queries = 2; };
    variants["pool"] = [](Method& m) { m.direction = DirectionKind::pool; };
    variants["registers"] = [](Method& m) { m.direction = DirectionKind::lfsr; };
    variants["mixed pool"] = [](Method& m) { m.direction = DirectionKind::mixed_pool; };
    variants["low rank"] = [](Method& m) { m.direction = DirectionKind::low_rank; m.update = UpdateKind::momentum; m.window = 3; };
    variants["normalized"] = [](Method& m) { m.normalize = true; };
    variants["forward gradient"] = [](Method& m) { m.estimator = EstimatorKind::forward_gradient; m.direction = DirectionKind::uniform; };
    variants["coordinate"] = [](Method& m) { m.estimator = EstimatorKind::coordinate; m.queries = 64; };
    variants["first order"] = [](Method& m) { m.estimator = EstimatorKind::first_order; };
    variants["first-order Adam"] = [](Method& m) { m.estimator = EstimatorKind::first_order; m.update = UpdateKind::adam; };
    variants["sign"] = [](Method& m) { m.update = UpdateKind::sign; };
    variants["scalar sign"] = [](Method& m) { m.update = UpdateKind::sign_scalar; };
    variants["momentum"] = [](Method& m) { m.update = UpdateKind::momentum; };
    variants["windowed momentum"] = [](Method& m) { m.update = UpdateKind::momentum; m.window = 4; };
    variants["conservative"] = [](Method& m) { m.update = UpdateKind::conservative; };
    variants["adam"] = [](Method& m) { m.update = UpdateKind::adam; };
    variants["windowed adamw"] = [](Method& m) { m.update = UpdateKind::adamw; m.window = 4; };
    variants["block-wise"] = [](Method& m) { m.blocks = "tensor"; };
    variants["drawn mask"] = [](Method& m) { m.mask = {.kind = MaskKind::bernoulli, .share = 0.6}; };
    variants["global mask"] = [](Method& m) { m.mask = {.kind = MaskKind::global, .share = 0.6}; m.direction = DirectionKind::uniform; };
    variants["largest"] = [](Method& m) { m.mask = {.kind = MaskKind::magnitude, .share = 0.6}; m.direction = DirectionKind::rademacher; };
    variants["smallest"] = [](Method& m) { m.mask = {.kind = MaskKind::small, .share = 0.6, .every = 1}; };
    variants["two of four"] = [](Method& m) { m.mask = {.kind = MaskKind::n_of_m, .n = 2, .m = 4}; };
    for (const auto& [name, vary] : variants) {
        for (const Scheme scheme : schemes) {
            INFO(name << ", scheme " << static_cast<int>(scheme));
            Method method = method_of(scheme);
            vary(method);
            llama::Model<float> model = model_of(method.tuning), before = model;
            const auto task = text_task(model);
            method.parts_a_step = parts_a_step(model, method);
            const std::unique_ptr<Trainer> trainer = make_trainer(model, *task, method, 2, 1, 1);
            std::size_t forward_passes = 0;
            for (std::uint64_t step = 0; step < 2; ++step) {
                task->draw(step);
                const Step taken = trainer->step(*task);
                CHECK(taken.updated);
                CHECK(std::isfinite(taken.loss));
                forward_passes += taken.forward_passes;
            }
            CHECK(forward_passes == 2 * method.forward_passes_per_step());
            std::vector<std::string> expected;
            const zeroth::Parameters parameters = parameters_of(model, scheme);
            for (const zeroth::Block& block : parameters.blocks()) expected.push_back(block.name);
            std::ranges::sort(expected);
            const std::vector<std::string> moved = changed(before, model);
            CHECK(!moved.empty());
            CHECK(std::ranges::includes(expected, moved));
            if (name == "zo-sgd" || name.starts_with("first")) CHECK((moved == expected || scheme == Scheme::lora));
        }
    }
}

TEST_CASE("Weights in 16 bits learn in steps far below their spacing, and the model holds their numbers") {
    using zeroth::ScalarType;
    struct Case {
        ScalarType type;
        Scheme scheme;
        EstimatorKind estimator;
        double epsilon, rate;
        std::uint64_t steps;
        double fall;  ///< of the loss, at least
    };
    const Case cases[] = {
        // Updates of 1e-5, weights of 0.06: float32 falls by 0.055, weights rounded to nearest by 0.017.
        {ScalarType::bfloat16, Scheme::full, EstimatorKind::two_sided, 1e-2, 1e-5, 1000, 0.04},
        {ScalarType::float16, Scheme::lora, EstimatorKind::fzoo, 1e-3, 1e-2, 60, 0.2},
    };
    for (const Case& c : cases) {
        INFO(zeroth::to_string(c.type));
        Method method = method_of(c.scheme);
        method.estimator = c.estimator;
        method.direction = DirectionKind::rademacher;
        method.queries = 8;
        method.smoothing = c.epsilon;
        method.learning_rate = c.rate;
        method.weights = c.type;
        llama::Model<float> model = model_of(method.tuning), before = model;
        const auto task = text_task(model);
        const auto trainer = make_trainer(model, *task, method, c.steps, 1, 1);
        CHECK(trainer->description().ends_with(", weights in " + std::string(zeroth::to_string(c.type))));
        const double loss = task->evaluate().loss;
        for (std::uint64_t step = 0; step < c.steps; ++step) {
            task->draw(step);
            REQUIRE(trainer->step(*task).updated);
        }
        CHECK(task->evaluate().loss < loss - c.fall);
        const auto kept = [&](float value) {
            return value == (c.type == ScalarType::float16 ? static_cast<float>(zeroth::float16(value)) : static_cast<float>(zeroth::bfloat16(value)));
        };
        std::vector<std::string> trained;
        const zeroth::Parameters parameters = parameters_of(model, c.scheme);
        for (const zeroth::Block& block : parameters.blocks()) {
            trained.push_back(block.name);
            CHECK(std::ranges::all_of(std::span(static_cast<const float*>(block.data), block.size()), kept));
        }
        std::ranges::sort(trained);
        CHECK(std::ranges::includes(trained, changed(before, model)));
    }
}

TEST_CASE("Projections scale the displacements of the tensors that they are given, and cost their passes") {
    for (const Scheme scheme : {Scheme::full, Scheme::lora}) {
        Method method = method_of(scheme);
        method.tuning.rank = 4;
        method.learning_rate = 3e-3;
        llama::Model<float> plain = model_of(method.tuning), projected = plain, before = plain;
        const auto train = [&](llama::Model<float>& model) {
            const auto task = text_task(model);
            const auto trainer = make_trainer(model, *task, method, 4, 1, 1);
            std::size_t forward_passes = 0;
            for (std::uint64_t step = 0; step < 4; ++step) {
                task->draw(step);
                forward_passes += trainer->step(*task).forward_passes;
            }
            return forward_passes;
        };
        CHECK(train(plain) == 8);
        method.projection = {.interval = 4, .iterations = 3, .blocks = "*q,*wo"};
        CHECK(train(projected) == 14);
        CHECK(method.steps_within(14) == 4);
        CHECK(method.steps_within(13) == 3);
        CHECK(method.steps_within(2 * 14 + 5) == 10);
        // Each tensor's displacement is a multiple of the other run's: 1 but for those that fit.
        std::size_t scaled = 0;
        const zeroth::Parameters begin = parameters_of(before, scheme), a = parameters_of(plain, scheme), b = parameters_of(projected, scheme);
        for (std::size_t t = 0; t < a.blocks().size(); ++t) {
            const auto values = [t](const zeroth::Parameters& parameters) { return static_cast<const float*>(parameters.blocks()[t].data); };
            double product = 0, square = 0, other = 0;
            for (std::size_t i = 0; i < a.blocks()[t].size(); ++i) {
                const double moved = static_cast<double>(values(a)[i]) - static_cast<double>(values(begin)[i]);
                const double moved_too = static_cast<double>(values(b)[i]) - static_cast<double>(values(begin)[i]);
                product += moved * moved_too;
                square += moved * moved;
                other += moved_too * moved_too;
            }
            INFO(a.blocks()[t].name << ": " << product / square);
            CHECK(product * product > 0.999 * square * other);
            if (!projects(method, a.blocks()[t])) CHECK(std::abs(product / square - 1) < 1e-6);
            if (std::abs(product / square - 1) > 1e-4) ++scaled;
        }
        CHECK(scaled > 0);
    }
    Method method = method_of(Scheme::full);
    method.projection = {.interval = 1, .blocks = "nothing*"};
    llama::Model<float> model = model_of(method.tuning);
    CHECK_THROWS_AS(make_trainer(model, *text_task(model), method, 1, 1, 1), UsageError);
}

TEST_CASE("A hybrid back-propagates through the last layers alone") {
    for (const Scheme scheme : {Scheme::full, Scheme::lora, Scheme::prefix}) {
        Method method = method_of(scheme);
        method.hybrid = 1;
        CHECK(method.forward_passes_per_step() == 3);
        llama::Model<float> model = model_of(method.tuning), before = model;
        const auto task = text_task(model);
        method.learning_rate = 0;  // what moves is the first-order side
        make_trainer(model, *task, method, 4, 1, 1)->step((task->draw(0), *task));
        CHECK(!changed(before, model, 1e-6f).empty());
        for (const std::string& name : changed(before, model, 1e-6f)) CHECK((name.starts_with("layers.2.") || name == "final_norm"));
        method.learning_rate = 1e-2;
        method.first_order_rate = 0;
        before = model;
        make_trainer(model, *task, method, 4, 1, 1)->step((task->draw(0), *task));
        CHECK(!changed(before, model, 1e-6f).empty());
        for (const std::string& name : changed(before, model, 1e-6f)) CHECK((!name.starts_with("layers.2.") && name != "final_norm"));
    }
    Method method = method_of(Scheme::prompt);
    method.hybrid = 1;
    llama::Model<float> model = model_of(method.tuning);
    const auto task = text_task(model);
    CHECK_THROWS_AS(make_trainer(model, *task, method, 1, 1, 1), UsageError);
    method = method_of(Scheme::lora);
    method.hybrid = 3;
    llama::Model<float> adapted = model_of(method.tuning);
    CHECK_THROWS_AS(make_trainer(adapted, *text_task(adapted), method, 1, 1, 1), UsageError);
}

TEST_CASE("The tasks' gradients are their losses', and their derivatives along tangents the gradients' products") {
    Tuning tuning{.scheme = Scheme::lora, .rank = 2};
    llama::Model<float> model = model_of(tuning);
    for (float& value : model.adapter_values()) value += 0.05f;
    std::vector<std::unique_ptr<Task>> tasks;
    tasks.push_back(text_task(model));
    tasks.push_back(classify_task(model));
    tasks.push_back(std::make_unique<AccumulatedTask>(classify_task(model), 3));
    for (const auto& task : tasks) {
        task->draw(2);
        const double loss = task->loss();
        llama::Model<float> gradients(model.config(), model.adapters()), z(model.config(), model.adapters());
        for (std::size_t i = 0; i < z.values().size(); ++i) z.values()[i] = static_cast<float>(static_cast<double>(i * 7919 % 201) - 100) / 100;
        for (std::size_t i = 0; i < z.adapter_values().size(); ++i) z.adapter_values()[i] = static_cast<float>(static_cast<double>(i * 97 % 201) - 100) / 100;
        CHECK(std::abs(task->loss_and_gradient(gradients) - loss) < 1e-5);
        const zeroth::DirectionalLoss along = task->loss_along(z);
        CHECK(std::abs(along.loss - loss) < 1e-5);
        double product = 0, size = 0;
        const std::vector<float> g = all_values(gradients), direction = all_values(z);
        for (std::size_t i = 0; i < g.size(); ++i) {
            product += static_cast<double>(g[i]) * static_cast<double>(direction[i]);
            size += std::abs(static_cast<double>(g[i]));
        }
        CHECK(std::abs(along.derivative - product) < 1e-4 * size);
        // A central difference along the gradient itself, which float resolves.
        double square = 0;
        for (const float value : g) square += static_cast<double>(value) * static_cast<double>(value);
        const std::vector<float> own(model.values().begin(), model.values().end()), added(model.adapter_values().begin(), model.adapter_values().end());
        const auto loss_at = [&](double step) {
            for (std::size_t i = 0; i < own.size(); ++i) model.values()[i] = own[i] + static_cast<float>(step * static_cast<double>(gradients.values()[i]));
            for (std::size_t i = 0; i < added.size(); ++i) {
                model.adapter_values()[i] = added[i] + static_cast<float>(step * static_cast<double>(gradients.adapter_values()[i]));
            }
            return task->loss();
        };
        const double step = 2e-3 / std::sqrt(square);
        const double difference = (loss_at(step) - loss_at(-step)) / (2 * step);
        loss_at(0);
        CHECK(std::abs(difference - square) < 1e-2 * square);
    }
}

TEST_CASE("An accumulated loss is the mean of its batches") {
    const llama::Model<float> model = model_of({});
    auto single = text_task(model);
    double sum = 0;
    for (std::uint64_t micro = 0; micro < 4; ++micro) {
        single->draw(4 * 5 + micro);
        sum += single->loss();
    }
    AccumulatedTask task(text_task(model), 4);
    task.draw(5);
    CHECK(std::abs(task.loss() - sum / 4) < 1e-12);
}

TEST_CASE("Reused activations change no loss") {
    for (const char* blocks : {"layer", "tensor", "*wq,layers.1.*"}) {
        Method method = method_of(Scheme::full);
        method.blocks = blocks;
        llama::Model<float> plain = model_of(method.tuning), reusing = plain;
        const auto train = [&](llama::Model<float>& model, bool reuse) {
            method.reuse_activations = reuse;
            const auto task = text_task(model);
            const auto trainer = make_trainer(model, *task, method, 3, 1, 1);
            std::vector<double> losses;
            for (std::uint64_t step = 0; step < 3; ++step) {
                task->draw(step);
                losses.push_back(trainer->step(*task).loss);
                losses.push_back(task->evaluate().loss);
            }
            return losses;
        };
        CHECK(train(plain, false) == train(reusing, true));
        CHECK(all_values(plain) == all_values(reusing));
    }
}

TEST_CASE("A held-out part leaves the rest whole") {
    LabelledSentences sentences;
    const std::vector<int> tokens = some_tokens(30);
    for (std::size_t i = 0; i < 10; ++i) sentences.add(std::span(tokens).subspan(i, i + 1), i);
    const LabelledSentences rest = sentences.split_off(7);
    REQUIRE(sentences.size() == 7);
    REQUIRE(rest.size() == 3);
    for (std::size_t i = 0; i < 10; ++i) {
        const LabelledSentences::Example example = i < 7 ? sentences[i] : rest[i - 7];
        CHECK(example.label == i);
        CHECK(std::ranges::equal(example.tokens, std::span(tokens).subspan(i, i + 1)));
    }
    CHECK(sentences.split_off(0).size() == 7);
    CHECK(sentences.size() == 0);
}

TEST_CASE("A plan knows what each method holds") {
    llama::Model<float> model = model_of({});
    const MemoryRequest request{.data = 1000, .batch = 4, .length = 16, .threads = 1};
    const auto peak = [&](auto vary) {
        Method method;
        vary(method);
        return plan_memory(model, method, request).peak();
    };
    const std::size_t weights = model.values().size() * sizeof(float);
    const auto plain = peak([](Method&) {});
    CHECK(peak([](Method& m) { m.update = UpdateKind::momentum; }) == plain + weights);
    CHECK(peak([](Method& m) { m.update = UpdateKind::adam; }) == plain + 2 * weights);
    CHECK(peak([](Method& m) { m.update = UpdateKind::adam; m.window = 5; }) == plain);
    const auto first_order = peak([](Method& m) { m.estimator = EstimatorKind::first_order; });
    CHECK(first_order > plain + weights);
    CHECK(peak([](Method& m) { m.estimator = EstimatorKind::first_order; m.update = UpdateKind::adam; }) == first_order + 2 * weights);
    CHECK(peak([](Method& m) { m.hybrid = 1; }) < first_order);
    CHECK(peak([](Method& m) { m.projection.interval = 50; }) == plain + 2 * weights);
    CHECK(peak([](Method& m) { m.direction = DirectionKind::low_rank; }) > plain);
    CHECK(peak([](Method& m) { m.weights = zeroth::ScalarType::bfloat16; }) == plain + weights);  // twice 16 bits
    CHECK(memory_table(model, {}, request).find("back-propagation, Adam") != std::string::npos);
}
