#pragma once

#include <Eigen/Core>

#include <zeroth/first_order/dual.hpp>

/// Dual numbers as a scalar of Eigen's, so that a forward pass on them yields its derivative.
template <class T>
struct Eigen::NumTraits<zeroth::Dual<T>> : Eigen::GenericNumTraits<T> {
    using Real = zeroth::Dual<T>;
    using NonInteger = zeroth::Dual<T>;
    using Nested = zeroth::Dual<T>;
    using Literal = T;
    enum { IsComplex = 0, IsInteger = 0, IsSigned = 1, RequireInitialization = 1, ReadCost = 2, AddCost = 4, MulCost = 8 };
    static Real epsilon() { return NumTraits<T>::epsilon(); }
    static Real dummy_precision() { return NumTraits<T>::dummy_precision(); }
    static Real highest() { return NumTraits<T>::highest(); }
    static Real lowest() { return NumTraits<T>::lowest(); }
    static int digits10() { return NumTraits<T>::digits10(); }
};
