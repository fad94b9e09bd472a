// The CUDA headers together with the core, for one architecture: a traversal of weights of every type, a rule's fused update, a cursor.

#include <zeroth/cuda/backend.cuh>
#include <zeroth/cuda/scalars.cuh>
#include <zeroth/zeroth.hpp>

namespace zeroth_test {

static_assert(zeroth::Backend<zeroth::cuda::Backend<>>);
static_assert(zeroth::Scalar<__half> && zeroth::Scalar<__nv_bfloat16>);

void displace(const zeroth::cuda::Backend<>& backend, std::span<const zeroth::Block> blocks, std::span<const zeroth::Move<1>> moves) {
    backend.traverse(blocks, zeroth::Gaussian{}, moves, zeroth::DisplaceBase{});
}

void train(const zeroth::Parameters& parameters, const zeroth::Key& key) {
    using Floats = zeroth::cuda::Backend<zeroth::ScalarTypes<float>>;
    zeroth::Cursor<zeroth::Rademacher, zeroth::InPlace, Floats> cursor{parameters, {}, {}, Floats{}, 1e-2, 1};
    cursor.stand_at(zeroth::Term{key, 1e-3});
    cursor.update({0.999, -1e-6, key}, std::vector<zeroth::Term>{{key, 0.5}});
}

} // namespace zeroth_test
