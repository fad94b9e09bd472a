#pragma once

/// Runs that are stopped, saved and gone on with: what the tests of each restore policy share.

#include "reference_of.hpp"

#include <zeroth/optimizer.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace resuming {

using namespace zeroth;

using Bytes = std::vector<std::byte>;

inline StateSink into(Bytes& bytes) {
    return [&bytes](std::span<const std::byte> piece) { bytes.insert(bytes.end(), piece.begin(), piece.end()); };
}
/// The bytes must outlive it.
inline StateSource from(const Bytes& bytes) {
    return [&bytes, at = std::size_t{0}](std::span<std::byte> piece) mutable {
        const std::size_t size = std::min(piece.size(), bytes.size() - at);
        if (size != 0) {
            std::memcpy(piece.data(), bytes.data() + at, size);
        }
        at += size;
        return size;
    };
}
template <class O>
Bytes saved(O& optimizer) {
    Bytes bytes;
    optimizer.save(into(bytes));
    return bytes;
}

/// A matrix, and a vector with factors of its own; a quadratic of both.
template <class T = float>
struct Model {
    std::vector<T> weights = std::vector<T>(145);
    double target = 0.3;

    Model() {
        for (std::size_t i = 0; i < weights.size(); ++i) {
            weights[i] = T(0.01f * static_cast<float>(static_cast<int>(i * 5 % 13) - 6));
        }
    }
    explicit Model(const std::vector<T>& stood) : weights{stood} {}
    [[nodiscard]] Parameters parameters() {
        Parameters result;
        result.add("matrix", std::span{weights}.first(120), {10, 12});
        result.add("vector", std::span{weights}.subspan(120), {}, {.rate = 0.5, .weight_decay = 0});
        return result;
    }
    [[nodiscard]] double loss() const {
        double sum = 0;
        for (const T& x : weights) {
            const double error = static_cast<double>(x) - target;
            sum += error * error / 2;
        }
        return sum;
    }
};

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

/// What there is to see of a step: its report, and the weights as they then stand.
template <class T>
struct Seen {
    std::uint64_t step;
    Reason reason;
    std::vector<double> numbers;
    std::vector<Term> terms;
    std::string rounded_away;
    std::vector<T> weights;

    Seen(const StepReport& report, const Model<T>& model)
        : step{report.step}, reason{report.reason},
          numbers{report.loss, report.learning_rate, report.relative_update, static_cast<double>(report.traversals),
                  static_cast<double>(report.forward_passes), static_cast<double>(report.clipped)},
          terms(report.terms.begin(), report.terms.end()), rounded_away{report.rounded_away != nullptr ? report.rounded_away->name : ""},
          weights{model.weights} {
        numbers.insert(numbers.end(), report.losses.begin(), report.losses.end());
    }
    [[nodiscard]] bool same_as(const Seen& other) const {
        bool same = terms.size() == other.terms.size();
        for (std::size_t k = 0; same && k < terms.size(); ++k) {
            same = terms[k].key == other.terms[k].key && terms[k].coefficient == other.terms[k].coefficient;
        }
        return same && step == other.step && reason == other.reason && same_bits(numbers, other.numbers) &&
               rounded_away == other.rounded_away && same_bits(weights, other.weights);
    }
};

/// A run by one backend, saved before each of its steps and after the last: gone on with from each of these states by another backend, the
/// other steps are the run's own to the bit.
template <class Restore, class T = float, class E, class Rule, class From = zeroth_test::ReferenceOf<T>, class To = From>
void check_resumes(const char* what, const E& estimator, const Rule& rule, const From& backend = {}, const To& other_backend = {},
                   const Model<T>& start = {}, std::uint64_t steps = 50) {
    for (const Settling settling : {Settling::each_step, Settling::lazily}) {
        INFO(what << (settling == Settling::lazily ? ", lazily" : ", settled"));
        const Settings<Restore> settings{.seed = 7, .restore = {}, .settling = settling};
        Model<T> undisturbed = start;
        {
            Optimizer optimizer{undisturbed.parameters(), estimator, rule, settings, backend};
            for (std::uint64_t step = 0; step < steps; ++step) {
                optimizer.step([&] { return undisturbed.loss(); });
            }
        }
        Model<T> model = start;
        std::vector<Seen<T>> run;
        std::vector<Bytes> states;
        std::vector<std::vector<T>> stood;
        {
            Optimizer optimizer{model.parameters(), estimator, rule, settings, backend};
            for (std::uint64_t step = 0; step < steps; ++step) {
                states.push_back(saved(optimizer));
                stood.push_back(model.weights);
                run.emplace_back(optimizer.step([&] { return model.loss(); }), model);
            }
            states.push_back(saved(optimizer));
            stood.push_back(model.weights);
        }
        REQUIRE(same_bits(model.weights, undisturbed.weights)); // saving disturbs nothing
        REQUIRE_FALSE(same_bits(model.weights, start.weights));
        for (std::uint64_t stop = 0; stop <= steps; ++stop) {
            INFO("stopped before step " << stop);
            Model<T> again = start;
            again.weights = stood[stop];
            {
                Optimizer resumed{again.parameters(), estimator, rule, settings, other_backend, Resume{from(states[stop])}};
                REQUIRE(same_bits(again.weights, stood[stop]));
                REQUIRE(resumed.steps() == stop);
                for (std::uint64_t step = stop; step < steps; ++step) {
                    const Seen<T> seen{resumed.step([&] { return again.loss(); }), again};
                    REQUIRE(seen.same_as(run[step]));
                }
            }
            REQUIRE(same_bits(again.weights, model.weights));
        }
    }
}

} // namespace resuming
