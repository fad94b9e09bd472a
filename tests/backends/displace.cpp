#include "backends/bit_equality.hpp"

#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/directions/uniform.hpp>

using namespace zeroth_test;

namespace {

/// A direction of the user's own, that knows nothing of registers.
struct Elementwise {
    static constexpr float largest = 1.7320245f;
    float operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const {
        return element < block.size() ? Uniform{}(key, block, element) : 1e30f;
    }
};

class ThreeGroupsRays;

/// One of the user's own in registers, with rays of its own, whose tiles divide no power of two.
struct ThreeGroups {
    static constexpr float largest = 4294967296.0f;

    struct Ray {
        static constexpr int groups = 3;
        static constexpr int vectors = 1;

        std::uint32_t query;

        template <class Lanes>
        struct Draw {
            typename Lanes::Word word;

            ZEROTH_INLINE void next(typename Lanes::Float (&z)[1]) noexcept {
                z[0] = Lanes::signed_to_float(word);
                word = word * Lanes::broadcast_word(1664525u) + Lanes::broadcast_word(1013904223u);
            }
            template <int N>
            ZEROTH_INLINE static void draw(const Ray* const (&rays)[N], const std::uint64_t (&counters)[N], Draw (&draws)[N]) noexcept {
                for (int n = 0; n < N; ++n) {
                    draws[n].word = (Lanes::iota(static_cast<std::uint32_t>(counters[n])) ^ Lanes::broadcast_word(rays[n]->query)) *
                                    Lanes::broadcast_word(0x9E3779B9u);
                }
            }
        };
    };
    template <class B>
    using Rays = ThreeGroupsRays;

    float operator()(const Key& key, const BlockIdentity&, std::uint64_t element) const { return number_at(Ray{key.query}, element); }
};
static_assert(VectorDirection<ThreeGroups>);

class ThreeGroupsRays : public RaysBase<ThreeGroups> {
  public:
    template <class B>
    ThreeGroupsRays(const ThreeGroups& direction, std::span<const Block> blocks, std::size_t, const B&) : RaysBase<ThreeGroups>{direction, blocks} {}

    template <class B>
    void prepare(std::span<const Key> keys, std::span<const Block>, const B&) {
        queries_.clear();
        for (const Key& key : keys) {
            queries_.push_back(key.query);
        }
    }
    [[nodiscard]] ThreeGroups::Ray ray(std::size_t k, std::size_t) const noexcept { return {queries_[k]}; }

  private:
    std::vector<std::uint32_t> queries_;
};

} // namespace

TEST_CASE("Every backend displaces weights to the reference's bits") {
    compare<float, Gaussian>(make_displace, all_sizes, {0, 1, 2, 3, 4, 5});
    compare<float, Rademacher>(make_displace, all_sizes, {1, 2, 3, 5});
    compare_types<Gaussian>(make_displace, few_sizes, {0, 1, 2, 3, 5});
    compare_types<Rademacher>(make_displace, few_sizes, {1, 2, 3});
    compare<float, Gaussian>(make_displace, few_sizes, {4, 7, 8, 16, 17, 21, 37});
    compare<float, Rademacher>(make_displace, few_sizes, {4, 7, 8, 16, 17, 21, 37});
    compare<double, Rademacher>(make_displace, few_sizes, {4, 9});
    compare_types<Uniform>(make_displace, few_sizes, {1, 2, 3});
    compare_types<Elementwise>(make_displace, few_sizes, {1, 2, 3});
    compare<float, ThreeGroups>(make_displace, all_sizes, {1, 3, 5, 21});
}

TEST_CASE("Every backend moves the base of 16-bit weights to the reference's bits") {
    compare<bfloat16, Rademacher>(make_displace_base, few_sizes, {0, 1, 2, 3, 5, 21});
    compare<float16, Rademacher>(make_displace_base, few_sizes, {0, 1, 2, 3});
    // And others to nearest, as if it did not move.
    CHECK(run<float, Rademacher>(Simd<>{}, Rademacher{}, 777, 2, make_displace_base) ==
          run<float, Rademacher>(Simd<>{}, Rademacher{}, 777, 2, make_displace));
    CHECK(run<bfloat16, Rademacher>(Simd<>{}, Rademacher{}, 777, 2, make_displace_base) !=
          run<bfloat16, Rademacher>(Simd<>{}, Rademacher{}, 777, 2, make_displace));
}

TEST_CASE("A direction called element by element gives the bits of its vectorised form") {
    const auto make = make_displace;
    CHECK(run<float, Elementwise>(Simd<>{}, Elementwise{}, 777, 2, make) == run<float, Uniform>(Simd<>{}, Uniform{}, 777, 2, make));
}

TEST_CASE("A traversal adds what random access gives") {
    constexpr std::size_t n = 3000;
    const BlockIdentity identity{hash_name("first"), n, 1};
    std::vector<float> w(n, 0.0f);
    const Block block{"first", w.data(), ScalarType::float32, identity};
    const auto check = [&](const auto& direction) {
        w.assign(n, 0.0f);
        displace(Simd<>{}, std::span<const Block>{&block, 1}, direction, Key{1, 2, 3});
        for (std::size_t i = 0; i < n; ++i) {
            REQUIRE(w[i] == direction(Key{1, 2, 3}, identity, i));
        }
    };
    check(Gaussian{});
    check(ThreeGroups{});
    check(Elementwise{});
}
