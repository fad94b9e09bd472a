#pragma once

#include <zeroth/cursor/saved_terms.hpp>
#include <zeroth/ground/state_stream.hpp>
#include <zeroth/parameters/saved_blocks.hpp>
#include <zeroth/updates/moments.hpp>
#include <zeroth/updates/term_window.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

/// Writes what a rule's State names by for_each_field(fields).
class WrittenFields {
  public:
    WrittenFields(StateWriter& writer, std::size_t blocks) noexcept : writer_{writer}, blocks_{blocks} {}

    void number(std::string_view name, double& value) { writer_.number(name, value); }
    /// One number for each weight.
    void moment(std::string_view name, Moment& moment) {
        BlockFields::write(
            writer_, name, moment.memory(), blocks_, [&](std::size_t b) { return moment.begin(b); },
            [&](std::size_t b) { return moment.begin(b + 1) - moment.begin(b); });
    }
    /// The terms of the last steps.
    void window(std::string_view name, TermWindow& window) {
        writer_.number<std::uint64_t>("steps remembered", window.size());
        for (std::size_t age = window.size(); age-- > 0;) {
            SavedTerms::write(writer_, name, window.step(age));
        }
    }

  private:
    StateWriter& writer_;
    std::size_t blocks_;
};

/// Reads it again.
class ReadFields {
  public:
    ReadFields(StateReader& reader, const SavedBlocks& saved) noexcept : reader_{reader}, saved_{saved} {}

    void number(std::string_view name, double& value) { value = reader_.number<double>(name); }
    void moment(std::string_view name, Moment& moment) {
        BlockFields::read(
            reader_, name, moment.memory(), saved_, [&](std::size_t b) { return moment.begin(b); },
            [&](std::size_t b) { return moment.begin(b + 1) - moment.begin(b); });
    }
    void window(std::string_view name, TermWindow& window) {
        const auto steps = reader_.number<std::uint64_t>("steps remembered");
        if (steps > window.max_size()) {
            StateReader::fail("the state remembers " + std::to_string(steps) + " steps, the rule " + std::to_string(window.max_size()));
        }
        for (std::uint64_t step = 0; step < steps; ++step) {
            const std::vector<Term> terms = SavedTerms::read_terms(reader_, name);
            if (terms.size() > window.max_terms()) {
                StateReader::fail("a step of the state's '" + std::string{name} + "' has " + std::to_string(terms.size()) +
                                  " terms, the estimator's at most " + std::to_string(window.max_terms()));
            }
            window.push(terms);
        }
    }

  private:
    StateReader& reader_;
    const SavedBlocks& saved_;
};

/// A state's numbers and the places of its windows as they were before a move was made of an estimate, to return to if it is not carried out.
/// What is kept for each weight changes with the update's traversal alone. Takes memory when it first remembers.
class RememberedFields {
  public:
    template <class State>
    void remember(State& state) {
        numbers_.clear();
        marks_.clear();
        Remembering fields{*this};
        state.for_each_field(fields);
    }
    template <class State>
    void return_to(State& state) noexcept {
        Returning fields{*this};
        state.for_each_field(fields);
    }

  private:
    struct Remembering {
        RememberedFields& of;

        void number(std::string_view, double& value) { of.numbers_.push_back(value); }
        void moment(std::string_view, Moment&) const noexcept {}
        void window(std::string_view, TermWindow& window) { of.marks_.push_back(window.mark()); }
    };
    struct Returning {
        RememberedFields& of;
        std::size_t numbers = 0;
        std::size_t marks = 0;

        void number(std::string_view, double& value) noexcept { value = of.numbers_[numbers++]; }
        void moment(std::string_view, Moment&) const noexcept {}
        void window(std::string_view, TermWindow& window) noexcept { window.return_to(of.marks_[marks++]); }
    };

    std::vector<double> numbers_;
    std::vector<TermWindow::Mark> marks_;
};

ZEROTH_END_NAMESPACE
