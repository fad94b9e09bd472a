#pragma once

#include <zeroth/cursor/term.hpp>
#include <zeroth/ground/state_stream.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

/// Terms in a saved state: of each its seed, its step, its query and its coefficients.
struct SavedTerms {
    /// Terms that a field may hold at most: what is beyond is damage.
    static constexpr std::uint64_t max_terms = std::uint64_t{1} << 24;

    template <int Coefficients>
    static void write(StateWriter& writer, std::string_view name, std::span<const GradientTerm<Coefficients>> terms) {
        writer.begin(name, terms.size() * bytes<Coefficients>);
        for (const GradientTerm<Coefficients>& term : terms) {
            const std::uint64_t words[3] = {term.key.seed, term.key.step, term.key.query};
            writer.part(std::as_bytes(std::span{words}));
            writer.part(std::as_bytes(std::span{term.coefficient}));
        }
    }
    static void write(StateWriter& writer, std::string_view name, std::span<const Term> terms) {
        std::vector<GradientTerm<1>> rows;
        for (const Term& term : terms) {
            rows.push_back({term.key, {term.coefficient}});
        }
        write<1>(writer, name, rows);
    }
    template <int Coefficients>
    [[nodiscard]] static std::vector<GradientTerm<Coefficients>> read(StateReader& reader, std::string_view name) {
        const std::uint64_t size = reader.begin(name, max_terms * bytes<Coefficients>);
        if (size % bytes<Coefficients> != 0) {
            StateReader::fail("the state's '" + std::string{name} + "' are no whole terms");
        }
        std::vector<GradientTerm<Coefficients>> terms;
        for (std::uint64_t done = 0; done < size; done += bytes<Coefficients>) {
            std::uint64_t words[3] = {};
            GradientTerm<Coefficients> term;
            reader.part(std::as_writable_bytes(std::span{words}), name);
            reader.part(std::as_writable_bytes(std::span{term.coefficient}), name);
            term.key = {words[0], words[1], static_cast<std::uint32_t>(words[2])};
            terms.push_back(term);
        }
        return terms;
    }
    [[nodiscard]] static std::vector<Term> read_terms(StateReader& reader, std::string_view name) {
        std::vector<Term> terms;
        for (const GradientTerm<1>& row : read<1>(reader, name)) {
            terms.push_back({row.key, row.coefficient[0]});
        }
        return terms;
    }

  private:
    template <int Coefficients>
    static constexpr std::uint64_t bytes = 24 + 8 * Coefficients;
};

ZEROTH_END_NAMESPACE
