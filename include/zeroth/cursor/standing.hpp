#pragma once

#include <zeroth/cursor/descend.hpp>
#include <zeroth/cursor/saved_terms.hpp>
#include <zeroth/cursor/term.hpp>
#include <zeroth/ground/state_stream.hpp>

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

/// Where the weights stand in memory: by how much they are displaced from their base, and how it is to move next.
template <class M>
struct Standing {
    std::vector<Term> displacement;
    std::vector<GradientTerm<M::coefficients>> gradient;
    M move{};
    /// Whether the move is still to be made.
    bool pending = false;

    Standing() = default;
    /// The other is settled then.
    Standing(Standing&& other) noexcept
        : displacement{std::move(other.displacement)}, gradient{std::move(other.gradient)}, move{other.move},
          pending{std::exchange(other.pending, false)} {}
    Standing& operator=(Standing&&) noexcept = default;

    void set_gradient(std::span<const Term> terms)
        requires(M::coefficients == 1)
    {
        gradient.clear();
        for (const Term& term : terms) {
            gradient.push_back({term.key, {term.coefficient}});
        }
    }
    /// It is made, or will not be.
    void drop_update() noexcept {
        pending = false;
        gradient.clear();
    }
    [[nodiscard]] bool settled() const noexcept { return !pending && displacement.empty(); }

    void save(StateWriter& writer) {
        SavedTerms::write(writer, "displacement", std::span<const Term>{displacement});
        writer.number<std::uint8_t>("pending", pending ? 1 : 0);
        if (pending) {
            SavedTerms::write<M::coefficients>(writer, "gradient", gradient);
            writer.number("rate", move.rate);
            writer.number("weight decay", move.weight_decay);
            writer.number("towards", move.towards);
            writer.number("seed of rounding", move.key.seed);
            writer.number("step of rounding", move.key.step);
            writer.number("query of rounding", move.key.query);
            auto write_number = [&](double& number) { writer.number("step", number); };
            for_each_number_of(move.step, write_number);
        }
    }
    [[nodiscard]] static Standing load(StateReader& reader) {
        Standing standing;
        standing.displacement = SavedTerms::read_terms(reader, "displacement");
        standing.pending = reader.number<std::uint8_t>("pending") != 0;
        if (standing.pending) {
            standing.gradient = SavedTerms::read<M::coefficients>(reader, "gradient");
            standing.move.rate = reader.number<double>("rate");
            standing.move.weight_decay = reader.number<double>("weight decay");
            standing.move.towards = reader.number<double>("towards");
            standing.move.key.seed = reader.number<std::uint64_t>("seed of rounding");
            standing.move.key.step = reader.number<std::uint64_t>("step of rounding");
            standing.move.key.query = reader.number<std::uint32_t>("query of rounding");
            auto read_number = [&](double& number) { number = reader.number<double>("step"); };
            for_each_number_of(standing.move.step, read_number);
        }
        return standing;
    }
};

ZEROTH_END_NAMESPACE
