#pragma once

#include <zeroth/cuda/directions/low_rank.cuh>
#include <zeroth/cuda/directions/sphere.cuh>
#include <zeroth/cuda/directions/tables.cuh>
#include <zeroth/directions/lfsr_bank.hpp>
#include <zeroth/directions/reuse_pool.hpp>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

/// The rays of directions whose numbers are read from what is formed in a device's memory; others' rays are the host's own.
template <class D>
struct DeviceRaysOf {};
template <>
struct DeviceRaysOf<ReusePool> {
    using type = DeviceTableRays<ReusePool>;
};
template <>
struct DeviceRaysOf<LfsrBank> {
    using type = DeviceTableRays<LfsrBank>;
};
template <>
struct DeviceRaysOf<MixedPool> {
    using type = DeviceMixedPoolRays;
};
template <int Rank>
struct DeviceRaysOf<LowRank<Rank>> {
    using type = DeviceLowRankRays<Rank>;
};
template <>
struct DeviceRaysOf<Sphere> {
    using type = DeviceSphereRays;
};

/// What a backend of a device's names `template <class D> using Rays` (see RaysOf). Its run(threads, task) has task(thread) carried out for each
/// thread, in the order of the traversals; a task is copied by value.
template <class D>
using DeviceRays = typename DeviceRaysOf<D>::type;

} // namespace cuda
ZEROTH_END_NAMESPACE
