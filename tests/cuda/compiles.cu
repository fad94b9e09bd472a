// The CUDA headers together with the core, for one architecture: a traversal of weights of every type, a rule's fused update, a cursor,
// directions that form numbers on the device, masks.

#include "../prepared.hpp"
#include "../rates.hpp"

#include <zeroth/cuda/backend.cuh>
#include <zeroth/cuda/scalars.cuh>
#include <zeroth/directions/bit_masks.hpp>
#include <zeroth/directions/coordinate.hpp>
#include <zeroth/estimators/hizoo_rge.hpp>
#include <zeroth/updates/hizoo_sgd.hpp>
#include <zeroth/updates/normalized.hpp>
#include <zeroth/zeroth.hpp>

#include <vector>

namespace zeroth_test {

static_assert(zeroth::Backend<zeroth::cuda::Backend<>>);
static_assert(zeroth::Scalar<__half> && zeroth::Scalar<__nv_bfloat16>);

void displace(const zeroth::cuda::Backend<>& backend, std::span<const zeroth::Block> blocks, const std::vector<zeroth::Key>& keys) {
    traverse(backend, blocks, zeroth::Gaussian{}, keys, std::vector<double>(keys.size(), 1e-3), zeroth::DisplaceBase{});
}

void train(const zeroth::Parameters& parameters, const zeroth::Key& key) {
    using Floats = zeroth::cuda::Backend<zeroth::ScalarTypes<float>>;
    zeroth::Cursor<zeroth::Rademacher, zeroth::InPlace, Floats> cursor{parameters, {}, {}, Floats{}, 1e-2, 1};
    cursor.stand_at(zeroth::Term{key, 1e-3});
    cursor.update(zeroth_test::descend(0.999, -1e-6, key), std::vector<zeroth::Term>{{key, 0.5}});
}

using Narrow = zeroth::cuda::Backend<zeroth::ScalarTypes<zeroth::bfloat16>>;

template <class D>
void displace_by(const Narrow& backend, std::span<const zeroth::Block> blocks, const D& direction, const std::vector<zeroth::Key>& keys) {
    traverse(backend, blocks, direction, keys, std::vector<double>(keys.size(), 1e-3), zeroth::DisplaceBase{});
}

void displace_by_all(const Narrow& backend, const zeroth::Parameters& parameters, const std::vector<zeroth::Key>& keys) {
    const zeroth::BitMasks masks{parameters};
    const zeroth::cuda::DeviceBits bits{masks.mask()};
    displace_by(backend, parameters.blocks(), zeroth::Masked{zeroth::ReusePool{}, bits.mask()}, keys);
    displace_by(backend, parameters.blocks(), zeroth::LfsrBank{}, keys);
    displace_by(backend, parameters.blocks(), zeroth::MixedPool{}, keys);
    displace_by(backend, parameters.blocks(), zeroth::Masked{zeroth::LowRank<2>{}, zeroth::Bernoulli{}}, keys);
    displace_by(backend, parameters.blocks(), zeroth::Coordinate{parameters}, keys);
    zeroth::Cursor<zeroth::Sphere, zeroth::InPlace, Narrow> cursor{parameters, {}, {}, backend, 1e-2, 1};
    cursor.stand_at(zeroth::Term{zeroth::Key{}, 1e-3});
}

template <class Estimator, class Rule, class Restore>
double step(const zeroth::Parameters& parameters, const Estimator& estimator, const Rule& rule, const zeroth::Settings<Restore>& settings,
            double (*loss)()) {
    zeroth::Optimizer optimizer{parameters, estimator, rule, settings, zeroth::cuda::Backend<zeroth::ScalarTypes<float>>{}};
    return optimizer.step(loss).loss;
}
double steps(const zeroth::Parameters& parameters, double (*loss)()) {
    const zeroth::TwoSidedRge<> estimator{};
    return step(parameters, estimator, zeroth::Normalized<zeroth::Momentum>{}, zeroth::Settings{}, loss) +
           step(parameters, estimator, zeroth::Adam{}, zeroth::Settings<zeroth::Snapshot>{}, loss) +
           step(parameters, estimator, zeroth::Sgd{}, zeroth::Settings<zeroth::Exact>{}, loss) +
           step(parameters, zeroth::HizooRge<>{}, zeroth::HizooSgd{}, zeroth::Settings{}, loss);
}

} // namespace zeroth_test
