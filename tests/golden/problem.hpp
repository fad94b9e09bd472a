#pragma once

#include "answers.hpp"

#include <zeroth/estimators/forward_gradient.hpp>
#include <zeroth/parameters/parameters.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace golden {

/// Which types a problem's blocks have: mixed has all four, floats float32 and float64, which are all that Exact takes.
enum class Types { mixed, floats, float32, float64, bfloat16, float16 };

/// The largest block of a type: 461 weights, three tiles of Gaussian and a tail; or 17 x 125, a tile of Rademacher and a tail.
enum class Largest { gaussian_tiles, rademacher_tile };

/// Three blocks of each type: 5 weights, less than a register; 8 x 16, a tile of Gaussian; and a larger one.
///
/// Its loss is the sum of squared distances from whole multiples of 2^-6. Each difference, product and sum is rounded to double by itself, in the
/// order of the weights: no compiler may fuse or reorder them and no library function is called, so losses, and with them an estimate's
/// coefficients, are the same bits wherever the weights are.
class Problem {
  public:
    explicit Problem(Types types, Largest largest = Largest::gaussian_tiles);
    Problem(const Problem&) = delete;
    Problem& operator=(const Problem&) = delete;

    /// Makes the weights what they were first.
    void reset();
    [[nodiscard]] const zeroth::Parameters& parameters() const noexcept { return parameters_; }
    [[nodiscard]] double loss() const;
    [[nodiscard]] zeroth::DirectionalLoss loss(const zeroth::Tangent& tangent) const;
    /// A line for each type: "name types type = ...".
    void add_weights(Answers& out, const std::string& name) const;
    /// The same for terms, of which each step's begin where `begins` says.
    void add_coefficients(Answers& out, const std::string& name, std::span<const double> coefficients, std::span<const std::size_t> begins) const;

  private:
    void add_type(zeroth::ScalarType type, Largest largest);

    std::string name_;
    std::vector<std::vector<std::uint64_t>> memory_;
    zeroth::Parameters parameters_;
};

} // namespace golden
