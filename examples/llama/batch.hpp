#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "config.hpp"

namespace llama {

/// Tokens of one text. The model reads tokens[0..n-2] and predicts tokens[1..n-1]; the predictions of tokens[first_target] and
/// later count. n tokens with first_target 1 are n - 1 counted targets.
struct Sequence {
    std::span<const int> tokens;
    int first_target = 1;

    Eigen::Index inputs() const { return static_cast<Eigen::Index>(tokens.size()) - 1; }
    Eigen::Index targets() const { return static_cast<Eigen::Index>(tokens.size()) - first_target; }
};

/// Consecutive sequences whose tokens are processed together, as rows of one matrix: each sequence's virtual tokens, then its inputs.
struct Group {
    std::size_t first = 0;  // sequences [first, last)
    std::size_t last = 0;
    Eigen::Index rows = 0;  // virtual tokens and inputs
    Eigen::Index targets = 0;
    Eigen::Index first_row = 0;  // among those of the batch
};

/// The groups of a batch. They depend on the sequences alone, not on threads: so do the results.
class Batch {
public:
    /// Rows a group holds at most, unless one sequence alone has more: enough to fill a matrix product, few enough for the cache.
    static constexpr Eigen::Index group_rows = 128;

    /// `virtual_tokens` come before each sequence's own.
    /// Throws std::invalid_argument naming the sequence if one is too short or long for the model, counts nothing, or holds a token
    /// that is not in the vocabulary. Does not allocate once it has seen as many sequences.
    void assign(std::span<const Sequence> sequences, const Config& config, int virtual_tokens = 0) {
        groups_.clear();
        targets_ = 0;
        rows_ = 0;
        max_rows_ = 0;
        positions_ = 0;
        for (std::size_t i = 0; i < sequences.size(); ++i) {
            const Sequence& sequence = sequences[i];
            check(sequence, i, config, virtual_tokens);
            const Eigen::Index rows = virtual_tokens + sequence.inputs();
            if (groups_.empty() || groups_.back().rows + rows > group_rows) groups_.push_back({i, i, 0, 0, rows_});
            Group& group = groups_.back();
            group.last = i + 1;
            group.rows += rows;
            group.targets += sequence.targets();
            rows_ += rows;
            positions_ = std::max(positions_, rows);
            targets_ += sequence.targets();
            max_rows_ = std::max(max_rows_, group.rows);
        }
    }

    std::span<const Group> groups() const { return groups_; }
    Eigen::Index targets() const { return targets_; }
    Eigen::Index rows() const { return rows_; }
    Eigen::Index max_rows() const { return max_rows_; }
    /// Of the longest sequence, virtual tokens included.
    Eigen::Index positions() const { return positions_; }

private:
    static void check(const Sequence& sequence, std::size_t index, const Config& config, int virtual_tokens) {
        const auto fail = [&](const std::string& reason) { throw std::invalid_argument("sequence " + std::to_string(index) + " " + reason); };
        if (sequence.tokens.size() < 2) fail("has fewer than two tokens");
        if (virtual_tokens + sequence.inputs() > config.sequence) {
            fail("has " + std::to_string(sequence.inputs()) + " inputs" +
                 (virtual_tokens != 0 ? " and " + std::to_string(virtual_tokens) + " virtual tokens" : "") + ", more than the model's " +
                 std::to_string(config.sequence));
        }
        if (sequence.first_target < 1 || sequence.targets() < 1) {
            fail("has its first target at " + std::to_string(sequence.first_target) + ", outside 1.." + std::to_string(sequence.inputs()));
        }
        for (const int token : sequence.tokens) {
            if (token < 0 || token >= config.vocab) {
                fail("holds token " + std::to_string(token) + ", outside 0.." + std::to_string(config.vocab - 1));
            }
        }
    }

    std::vector<Group> groups_;
    Eigen::Index targets_ = 0;
    Eigen::Index rows_ = 0;
    Eigen::Index max_rows_ = 0;
    Eigen::Index positions_ = 0;
};

}  // namespace llama
