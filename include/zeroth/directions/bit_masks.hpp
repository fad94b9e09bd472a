#pragma once

#include <zeroth/ground/array.hpp>
#include <zeroth/directions/masked.hpp>
#include <zeroth/parameters/parameters.hpp>
#include <zeroth/ground/setting.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

ZEROTH_BEGIN_NAMESPACE

/// visit(element, bits of |w| as a float, which are in the order of the magnitudes) for each weight of a block in the host's memory.
template <class Visit>
void for_each_magnitude(const Block& block, Visit visit) {
    require_space({&block, 1}, MemorySpace::host, "a choice by magnitude");
    AllScalarTypes::visit(block.type, [&]<class Storage>(Storage*) {
        for (std::size_t i = 0; i < block.size(); ++i) {
            Storage stored;
            std::memcpy(&stored, static_cast<const Storage*>(block.data) + i, sizeof stored);
            const float w = static_cast<float>(stored);
            std::uint32_t bits = 0;
            std::memcpy(&bits, &w, sizeof bits);
            visit(i, bits & 0x7FFFFFFFu);
        }
    });
}

/// For Bernoulli::keep_of_block: of each block, the share of its weights that are among the round(share * d) largest of all d, so that blocks of
/// large weights are touched more. Equal magnitudes share what is left between them.
/// Reads the weights as they stand; 0.5 MB while it works.
/// Throws std::invalid_argument if share is not from 0 to 1.
/// Source: the mode "global" of Zhang et al., arXiv 2402.11592, which keeps that share of each block at random.
[[nodiscard]] inline Array<double> shares_by_magnitude(const Parameters& parameters, double share) {
    require_setting(share >= 0 && share <= 1, "share", share, "from 0 to 1");
    const std::span<const Block> blocks = parameters.blocks();
    Array<double> shares(blocks.size());
    const auto wanted = static_cast<std::size_t>(ScalarLanes::product(share, static_cast<double>(parameters.size())) + 0.5);
    if (wanted == 0) {
        return shares;
    }
    // Upper half of the bits, then the lower half among those that agree in the upper.
    Array<std::size_t> counts(std::size_t{1} << 16);
    std::size_t above = 0;
    std::uint32_t threshold = 0;
    for (const bool upper : {true, false}) {
        for (std::size_t& count : counts) {
            count = 0;
        }
        for (const Block& block : blocks) {
            for_each_magnitude(block, [&](std::size_t, std::uint32_t magnitude) {
                if (upper) {
                    ++counts[magnitude >> 16];
                } else if (magnitude >> 16 == threshold >> 16) {
                    ++counts[magnitude & 0xFFFFu];
                }
            });
        }
        std::uint32_t place = 0xFFFFu;
        while (above + counts[place] < wanted) {
            above += counts[place--];
        }
        threshold = upper ? place << 16 : threshold | place;
    }
    const double of_equals = static_cast<double>(wanted - above) / static_cast<double>(counts[threshold & 0xFFFFu]);
    for (std::size_t b = 0; b < blocks.size(); ++b) {
        double kept = 0;
        for_each_magnitude(blocks[b], [&](std::size_t, std::uint32_t magnitude) {
            kept += magnitude > threshold ? 1 : magnitude == threshold ? of_equals : 0;
        });
        shares[b] = blocks[b].size() != 0 ? kept / static_cast<double>(blocks[b].size()) : 0;
    }
    return shares;
}

/// A bit for each weight of the parameters, for a BitMask: set one by one, or chosen by the weights' magnitudes or by scores.
///
/// Magnitudes are those of the weights as they stand in the host's memory: choose while the optimizer is settled, so that the mask is decided
/// on the base and stays the same for all of a step's passes. Memory: 1/8 byte a parameter, and 0.5 MB once it has chosen.
class BitMasks {
  public:
    /// No bit is set. The blocks are copied; the weights must outlive this.
    explicit BitMasks(const Parameters& parameters) : parameters_{parameters} {
        const std::span<const Block> blocks = parameters_.blocks();
        begin_ = Array<std::size_t>(blocks.size());
        words_ = Array<const std::uint32_t*>(blocks.size());
        identities_ = Array<BlockIdentity>(blocks.size());
        std::size_t size = 0;
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            begin_[b] = size;
            identities_[b] = blocks[b].identity;
            size += (blocks[b].size() + 31) / 32;
        }
        bits_ = Array<std::uint32_t>(size);
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            words_[b] = bits_.data() + begin_[b];
        }
    }
    BitMasks(const BitMasks&) = delete;
    BitMasks& operator=(const BitMasks&) = delete;

    /// A view of the bits, which must outlive it; it sees them change.
    [[nodiscard]] BitMask mask() const noexcept { return {{words_.data(), words_.size()}, {identities_.data(), identities_.size()}}; }

    void clear() noexcept {
        for (std::uint32_t& word : bits_) {
            word = 0;
        }
    }
    void set(std::size_t block, std::size_t element) noexcept { bits_[begin_[block] + element / 32] |= 1u << (element % 32); }
    [[nodiscard]] bool test(std::size_t block, std::size_t element) const noexcept {
        return (bits_[begin_[block] + element / 32] >> (element % 32) & 1u) != 0;
    }
    /// All bits: those of a block begin with a word of their own.
    [[nodiscard]] std::span<const std::uint32_t> words() const noexcept { return {bits_.data(), bits_.size()}; }
    [[nodiscard]] std::span<std::uint32_t> words() noexcept { return {bits_.data(), bits_.size()}; }
    /// Bits that are set.
    [[nodiscard]] std::size_t count() const noexcept {
        std::size_t total = 0;
        for (std::uint32_t word : bits_) {
            for (; word != 0; word &= word - 1) {
                ++total;
            }
        }
        return total;
    }

    /// The round(share * n) largest weights of each block of n; of equals the first. Source: top-k pruning.
    void keep_largest(double share) { keep(share, true); }
    /// The smallest ones. Source: Sparse-MeZO, Liu et al., arXiv 2402.15751.
    void keep_smallest(double share) { keep(share, false); }

    /// The n largest of every m consecutive weights, 0 < n <= m <= 32.
    void keep_n_of_m(std::uint32_t n, std::uint32_t m) {
        require_setting(m > 0 && m <= 32, "m", m, "from 1 to 32");
        require_setting(n > 0 && n <= m, "n", n, "from 1 to m");
        clear();
        for (std::size_t b = 0; b < begin_.size(); ++b) {
            const std::size_t size = parameters_.blocks()[b].size();
            std::uint32_t group[32] = {};
            std::size_t gathered = 0;
            for_each_magnitude(parameters_.blocks()[b], [&](std::size_t element, std::uint32_t magnitude) {
                group[gathered++] = magnitude;
                if (gathered < m && element + 1 < size) {
                    return;
                }
                const std::size_t first = element + 1 - gathered;
                for (std::size_t i = 0; i < gathered; ++i) {
                    std::size_t before = 0;
                    for (std::size_t j = 0; j < gathered; ++j) {
                        before += group[j] > group[i] || (group[j] == group[i] && j < i) ? 1 : 0;
                    }
                    if (before < n) {
                        set(b, first + i);
                    }
                }
                gathered = 0;
            });
        }
    }

    /// The same by scores of the caller's, one a weight, zero or positive: the round(share * n) best of each block of n; of equals the first.
    /// Throws std::invalid_argument unless there are scores for each weight of each block, none of them negative or not finite.
    /// Source: SensZOQ, Guo et al., arXiv 2406.02913, whose scores are squared gradients (FisherDiagonal).
    void keep_largest(std::span<const std::span<const float>> scores, double share) {
        check_scores(scores, share);
        for (std::size_t b = 0; b < begin_.size(); ++b) {
            set_top(b, b + 1, share_of(share, scores[b].size()), ScoreRanks{scores});
        }
    }
    /// The round(share * d) best of all d weights, so that some blocks get more than others; of equals the first.
    void keep_largest_of_all(std::span<const std::span<const float>> scores, double share) {
        check_scores(scores, share);
        set_top(0, begin_.size(), share_of(share, parameters_.size()), ScoreRanks{scores});
    }

  private:
    static std::size_t share_of(double share, std::size_t size) noexcept {
        return static_cast<std::size_t>(ScalarLanes::product(share, static_cast<double>(size)) + 0.5);
    }

    void keep(double share, bool largest) {
        require_setting(share >= 0 && share <= 1, "share", share, "from 0 to 1");
        clear();
        for (std::size_t b = 0; b < begin_.size(); ++b) {
            set_top(b, b + 1, share_of(share, parameters_.blocks()[b].size()), [&](std::size_t block, auto visit) {
                // The smallest are the largest of what the magnitudes leave over.
                for_each_magnitude(parameters_.blocks()[block], [&](std::size_t element, std::uint32_t magnitude) {
                    visit(element, largest ? magnitude : 0x7FFFFFFFu - magnitude);
                });
            });
        }
    }

    /// Throws, or clears the bits.
    void check_scores(std::span<const std::span<const float>> scores, double share) {
        require_setting(share >= 0 && share <= 1, "share", share, "from 0 to 1");
        require_setting(scores.size() == begin_.size(), "scores.size()", static_cast<double>(scores.size()), "the number of blocks");
        for (std::size_t b = 0; b < scores.size(); ++b) {
            require_setting(scores[b].size() == parameters_.blocks()[b].size(), "the number of a block's scores",
                            static_cast<double>(scores[b].size()), "that of its weights");
            for (const float score : scores[b]) {
                require_setting(score >= 0 && score < 0x1p128, "a score", static_cast<double>(score), "zero or positive, and finite");
            }
        }
        clear();
    }
    /// Floats that are not negative are in the order of their bits.
    struct ScoreRanks {
        std::span<const std::span<const float>> scores;

        template <class Visit>
        void operator()(std::size_t block, Visit visit) const {
            for (std::size_t i = 0; i < scores[block].size(); ++i) {
                std::uint32_t bits = 0;
                std::memcpy(&bits, &scores[block][i], sizeof bits);
                visit(i, bits & 0x7FFFFFFFu); // -0 is 0
            }
        }
    };

    /// The bits of those `wanted` weights of blocks first to last - 1 that rank highest; ranks(block, visit) calls visit(element, rank).
    template <class Ranks>
    void set_top(std::size_t first, std::size_t last, std::size_t wanted, const Ranks& ranks) {
        if (wanted == 0) {
            return;
        }
        if (counts_.size() == 0) {
            counts_ = Array<std::size_t>(std::size_t{1} << 16);
        }
        // Upper half of the bits, then the lower half among those that agree in the upper.
        std::size_t above = 0;
        const auto descend = [&](auto select) {
            for (std::size_t& count : counts_) {
                count = 0;
            }
            for (std::size_t b = first; b < last; ++b) {
                ranks(b, [&](std::size_t, std::uint32_t rank) { select(rank); });
            }
            std::uint32_t place = 0xFFFFu;
            while (above + counts_[place] < wanted) {
                above += counts_[place--];
            }
            return place;
        };
        const std::uint32_t high = descend([&](std::uint32_t rank) { ++counts_[rank >> 16]; });
        const std::uint32_t low = descend([&](std::uint32_t rank) {
            if (rank >> 16 == high) {
                ++counts_[rank & 0xFFFFu];
            }
        });
        const std::uint32_t threshold = high << 16 | low;
        std::size_t equals = wanted - above;
        for (std::size_t b = first; b < last; ++b) {
            ranks(b, [&](std::size_t element, std::uint32_t rank) {
                if (rank > threshold || (rank == threshold && equals > 0)) {
                    equals -= rank == threshold ? 1 : 0;
                    set(b, element);
                }
            });
        }
    }

    Parameters parameters_;
    Array<std::size_t> begin_;
    Array<std::uint32_t> bits_;
    Array<const std::uint32_t*> words_;
    Array<BlockIdentity> identities_;
    Array<std::size_t> counts_;
};

ZEROTH_END_NAMESPACE
