// Directions that keep numbers formed ahead: where there is no memory for a key's, the weights still go home.

#include "rates.hpp"

#include <zeroth/cursor.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/estimators/one_sided_rge.hpp>
#include <zeroth/optimizer.hpp>
#include <zeroth/updates/sgd.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <new>
#include <span>
#include <type_traits>
#include <vector>

using namespace zeroth;

namespace {

/// Keys that were formed, and how many can be.
struct Memory {
    std::vector<Key> formed;
    std::size_t room = 0;
    int unformed = 0;

    [[nodiscard]] bool holds(const Key& key) const {
        for (const Key& one : formed) {
            if (one == key) {
                return true;
            }
        }
        return false;
    }
};

class PoolRays;

struct Pool : Rademacher {
    Memory* memory = nullptr;

    template <class B>
    using Rays = PoolRays;
};

/// A direction's rays that need memory for each key.
class PoolRays : public PhiloxRays<Pool> {
  public:
    template <class B>
    PoolRays(const Pool& direction, std::span<const Block> blocks, std::size_t max_keys, const B& backend)
        : PhiloxRays<Pool>{direction, blocks, max_keys, backend} {}

    template <class B>
    void prepare(std::span<const Key> keys, std::span<const Block> blocks, const B& backend) {
        Memory& memory = *direction_.memory;
        for (const Key& key : keys) {
            if (!memory.holds(key)) {
                if (memory.formed.size() == memory.room) {
                    throw std::bad_alloc{};
                }
                memory.formed.push_back(key);
            }
        }
        PhiloxRays<Pool>::prepare(keys, blocks, backend);
        prepared_.assign(keys.begin(), keys.end());
    }
    [[nodiscard]] Pool::Ray ray(std::size_t k, std::size_t b) const noexcept {
        direction_.memory->unformed += direction_.memory->holds(prepared_[k]) ? 0 : 1;
        return PhiloxRays<Pool>::ray(k, b);
    }

  private:
    std::vector<Key> prepared_;
};

Pool pool(Memory& memory, std::size_t room) {
    memory.room = room;
    Pool result;
    result.memory = &memory;
    return result;
}

} // namespace

static_assert(VectorDirection<Pool> && std::is_same_v<RaysOf<Pool, Reference>, PoolRays>);

TEMPLATE_TEST_CASE("An update whose key cannot be formed is refused, and the weights go home", "", InPlace, Snapshot, Exact) {
    std::vector<float> weights(40, 0.5f);
    Parameters parameters;
    parameters.add("w", std::span{weights});
    Memory memory;
    {
        Cursor<Pool, TestType> cursor{parameters, pool(memory, 1), TestType{}, Reference{}, 0.25, 1};
        cursor.stand_at(Term{Key{1, 0, 0}, 0.25});
        const std::vector<Term> other{{Key{1, 1, 0}, 1.0}};
        CHECK_THROWS_AS(cursor.update(zeroth_test::descend(1, -0.125, Key{1, 1, 0}), other), std::bad_alloc);
        CHECK_THROWS_AS(cursor.stand_at(other[0]), std::bad_alloc);
        CHECK(weights != std::vector<float>(40, 0.5f));
    }
    CHECK(weights == std::vector<float>(40, 0.5f));
    CHECK(memory.unformed == 0);
}

TEST_CASE("A step whose update's or probe's key cannot be formed is not counted, and the weights go home") {
    /// Moves along the next step's key.
    struct Elsewhere : Sgd {
        [[nodiscard]] Descend<PlainStep> move(const Estimate&, const Key& key, State&, Gradient<PlainStep>& gradient) const {
            gradient.push_back({Key{key.seed, key.step + 1, 0}, {1.0}});
            return {.rate = 0.125, .key = key};
        }
    };
    std::vector<float> weights(40, 0.5f);
    Parameters parameters;
    parameters.add("w", std::span{weights});
    int calls = 0;
    const auto loss = [&] { return static_cast<double>(++calls); };
    for (const Settling settling : {Settling::each_step, Settling::lazily}) {
        Memory memory;
        Elsewhere rule;
        rule.learning_rate = 0.125;
        Optimizer optimizer{parameters, OneSidedRge{.direction = pool(memory, 1), .epsilon = 0.25}, rule,
                            Settings{.restore = Snapshot{}, .settling = settling}};
        CHECK_THROWS_AS(optimizer.step(loss), std::bad_alloc);
        CHECK(optimizer.steps() == 0);
        CHECK(weights == std::vector<float>(40, 0.5f));
        optimizer.set_next_step(1);
        CHECK_THROWS_AS(optimizer.step(loss), std::bad_alloc);
        CHECK(optimizer.steps() == 1);
        CHECK(weights == std::vector<float>(40, 0.5f));
        CHECK(memory.unformed == 0);
    }
}
