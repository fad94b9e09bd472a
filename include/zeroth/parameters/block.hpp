#pragma once

#include <zeroth/parameters/scalar16.hpp>
#include <zeroth/random/key.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

ZEROTH_BEGIN_NAMESPACE

/// How a weight is stored. Arithmetic is in float, for float64 in double.
enum class ScalarType : std::uint8_t { float32, float64, bfloat16, float16 };

[[nodiscard]] constexpr std::string_view to_string(ScalarType type) noexcept {
    switch (type) {
    case ScalarType::float32: return "float32";
    case ScalarType::float64: return "float64";
    case ScalarType::bfloat16: return "bfloat16";
    case ScalarType::float16: return "float16";
    }
    return "unknown";
}

/// Which ScalarType a C++ type is; specialise it for a 16-bit type of your own (`scalar_traits<Eigen::bfloat16>`): the type
/// must have exactly the bits of the ScalarType named.
template <class T>
struct scalar_traits;
template <>
struct scalar_traits<float> {
    static constexpr ScalarType type = ScalarType::float32;
};
template <>
struct scalar_traits<double> {
    static constexpr ScalarType type = ScalarType::float64;
};
template <>
struct scalar_traits<bfloat16> {
    static constexpr ScalarType type = ScalarType::bfloat16;
};
template <>
struct scalar_traits<float16> {
    static constexpr ScalarType type = ScalarType::float16;
};

/// A type whose values can be trained.
template <class T>
concept Scalar = requires {
    { scalar_traits<T>::type };
} && std::is_trivially_copyable_v<T>;

[[nodiscard]] constexpr std::size_t bytes_of(ScalarType type) noexcept {
    return type == ScalarType::float64 ? 8 : type == ScalarType::float32 ? 4 : 2;
}

/// Half the spacing of a type's numbers relative to the number, at the least; at the most it is twice as much. Less than that, added to a
/// number, is lost to rounding to nearest.
[[nodiscard]] constexpr double half_spacing(ScalarType type) noexcept {
    switch (type) {
    case ScalarType::float32: return 0x1p-25;
    case ScalarType::float64: return 0x1p-54;
    case ScalarType::bfloat16: return 0x1p-9;
    case ScalarType::float16: return 0x1p-12;
    }
    return 0;
}

/// The number type a stored type is computed in.
template <class Storage>
using ComputeType = std::conditional_t<std::is_same_v<Storage, double>, double, float>;
[[nodiscard]] constexpr ScalarType compute_type(ScalarType type) noexcept {
    return type == ScalarType::float64 ? ScalarType::float64 : ScalarType::float32;
}

template <class Storage>
inline constexpr bool has_16_bits = sizeof(Storage) == 2;

/// Storage types that a backend is compiled for.
template <class... Storage>
struct ScalarTypes {
    [[nodiscard]] static constexpr bool hold(ScalarType type) noexcept { return ((scalar_traits<Storage>::type == type) || ...); }
    template <class T>
    static constexpr bool contains = (std::is_same_v<T, Storage> || ...);

    /// Calls visitor with a null pointer of the type: `visit(type, []<class T>(T*) { ... })`.
    template <class Visitor>
    static void visit(ScalarType type, const Visitor& visitor) {
        ((scalar_traits<Storage>::type == type ? visitor(static_cast<Storage*>(nullptr)) : void()), ...);
    }
};
using AllScalarTypes = ScalarTypes<float, double, bfloat16, float16>;

/// Rows x columns of a tensor, row-major; {0, 0} means one column of as many rows as there are elements.
struct Shape {
    std::size_t rows = 0;
    std::size_t columns = 0;
};

/// Which processor's instructions can reach a block's memory.
enum class MemorySpace : std::uint8_t { host, device };

[[nodiscard]] constexpr std::string_view to_string(MemorySpace space) noexcept {
    return space == MemorySpace::host ? "host" : "device";
}

/// How a block is trained beside the others, and where it lies.
struct BlockOptions {
    /// A factor of the learning rate in this block: zero or positive, and finite. With 0 it is probed, but stands still.
    double rate = 1;
    /// A factor of the weight decay: zero or positive, and finite. 0 for biases and norms, which are usually spared.
    double weight_decay = 1;
    MemorySpace space = MemorySpace::host;
};

/// One tensor of the user's model: a view, not a copy.
struct Block {
    std::string name;
    void* data = nullptr;
    ScalarType type = ScalarType::float32;
    BlockIdentity identity;
    BlockOptions options{};

    [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(identity.size()); }
    [[nodiscard]] std::size_t bytes() const noexcept { return size() * bytes_of(type); }
};

/// What an operation is told of a block: all but its name, so that it can be told on a device.
struct BlockView {
    void* data = nullptr;
    ScalarType type = ScalarType::float32;
    BlockIdentity identity;

    BlockView() = default;
    BlockView(const Block& block) noexcept : data{block.data}, type{block.type}, identity{block.identity} {}

    [[nodiscard]] ZEROTH_HOST_DEVICE constexpr std::uint64_t size() const noexcept { return identity.size(); }
};

/// FNV-1a: what a block is known by when the user gives no number of its own.
[[nodiscard]] constexpr std::uint64_t hash_name(std::string_view name) noexcept {
    std::uint64_t hash = 0xCBF29CE484222325u;
    for (const char c : name) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
    }
    return hash;
}

ZEROTH_END_NAMESPACE
