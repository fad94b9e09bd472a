#include "answers.hpp"
#include "places.hpp"
#include "problem.hpp"

#include <zeroth/directions/masked.hpp>
#include <zeroth/directions/bit_masks.hpp>
#include <zeroth/parameters/parameters.hpp>

#include <span>
#include <string>
#include <vector>

namespace golden {

namespace {

using namespace zeroth;

void add_bernoulli(Answers& out, const Bernoulli& mask) {
    const std::string name = "bernoulli " + bits(mask.keep) + " " + hex(mask.refresh_every, 8) + " ";
    const auto add = [&](const Key& key, const BlockIdentity& block, std::uint64_t first) {
        std::uint64_t kept = 0;
        for (unsigned k = 0; k < 64; ++k) {
            kept |= std::uint64_t{mask(key, block, first + k)} << k;
        }
        out.push_back({name + words(key) + " " + words(block) + " " + hex(first, 16), hex(kept, 16)});
    };
    for (const Key& key : some_keys) {
        add(key, a_vector, 0);
        add(key, a_huge_block, (std::uint64_t{1} << 40) + 64);
    }
    for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{960}, (std::uint64_t{1} << 32) - 64, std::uint64_t{1} << 32}) {
        add(a_key, a_huge_block, first);
    }
}

void add_choice(Answers& out, const std::string& name, const BitMasks& masks, const Parameters& parameters) {
    for (std::size_t b = 0; b < parameters.blocks().size(); ++b) {
        std::vector<std::uint32_t> chosen((parameters.blocks()[b].size() + 31) / 32);
        std::uint64_t count = 0;
        for (std::size_t i = 0; i < parameters.blocks()[b].size(); ++i) {
            const bool set = masks.mask()(a_key, parameters.blocks()[b].identity, i);
            chosen[i / 32] |= std::uint32_t{set} << (i % 32);
            count += set ? 1 : 0;
        }
        Digest digest;
        for (const std::uint32_t word : chosen) {
            digest.add(word, 4);
        }
        std::string answer = hex(count, 4) + " " + hex(digest.value(), 16);
        for (std::size_t i = 0; i < chosen.size() && i < 4; ++i) {
            answer += " " + hex(chosen[i], 8);
        }
        out.push_back({name + " " + parameters.blocks()[b].name, answer});
    }
}

} // namespace

Answers masks() {
    Answers out;
    add_bernoulli(out, Bernoulli{});
    add_bernoulli(out, Bernoulli{.keep = 0.5});
    add_bernoulli(out, Bernoulli{.keep = 0.01, .refresh_every = 1});
    add_bernoulli(out, Bernoulli{.keep = 0.3, .refresh_every = 100});
    add_bernoulli(out, Bernoulli{.keep = 1});

    const Problem problem{Types::mixed};
    const Parameters& parameters = problem.parameters();
    BitMasks masks{parameters};
    masks.set(0, 3);
    masks.set(1, 31);
    masks.set(1, 32);
    add_choice(out, "set", masks, parameters);
    masks.keep_largest(0.25);
    add_choice(out, "keep_largest/1/4", masks, parameters);
    masks.keep_smallest(0.25);
    add_choice(out, "keep_smallest/1/4", masks, parameters);
    masks.keep_n_of_m(2, 4);
    add_choice(out, "keep_2_of_4", masks, parameters);
    masks.keep_n_of_m(3, 32);
    add_choice(out, "keep_3_of_32", masks, parameters);
    // Few different scores, so that the choice among equals shows.
    std::vector<std::vector<float>> scores;
    std::vector<std::span<const float>> views;
    for (const Block& block : parameters.blocks()) {
        scores.emplace_back(block.size());
        for (std::size_t i = 0; i < block.size(); ++i) {
            scores.back()[i] = static_cast<float>((i * 37 + scores.size() * 11) % 61) * 0x1p-3f;
        }
    }
    for (const std::vector<float>& of_block : scores) {
        views.emplace_back(of_block);
    }
    masks.keep_largest(views, 0.1);
    add_choice(out, "keep_largest_scores/1/10", masks, parameters);
    masks.keep_largest_of_all(views, 0.1);
    add_choice(out, "keep_largest_of_all_scores/1/10", masks, parameters);

    for (const double share : {0.0, 0.01, 0.3, 1.0}) {
        std::string answer;
        const Array<double> shares = shares_by_magnitude(parameters, share);
        for (std::size_t b = 0; b < shares.size(); ++b) {
            answer += (b == 0 ? "" : " ") + bits(shares[b]);
        }
        out.push_back({"shares " + bits(share), answer});
    }
    return out;
}

} // namespace golden
