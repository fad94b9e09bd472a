#include "problem.hpp"

#include <zeroth/random/scalar_lanes.hpp>

#include <cstring>

namespace golden {

namespace {

using namespace zeroth;

constexpr std::size_t blocks_of_type = 3;

template <class Visitor>
void visit(const Block& block, const Visitor& visitor) {
    AllScalarTypes::visit(block.type, [&]<class T>(T*) {
        visitor.template operator()<T>(static_cast<unsigned char*>(block.data));
    });
}

double distance(const Block& block, std::size_t i) {
    double w = 0;
    visit(block, [&]<class T>(const unsigned char* data) {
        T stored;
        std::memcpy(&stored, data + i * sizeof(T), sizeof(T));
        w = static_cast<double>(static_cast<ComputeType<T>>(stored));
    });
    return w - static_cast<double>(static_cast<int>(i * 7 % 13) - 6) * 0x1p-6;
}

std::uint64_t word(const Block& block, std::size_t i) {
    std::uint64_t result = 0;
    visit(block, [&]<class T>(const unsigned char* data) {
        std::conditional_t<sizeof(T) == 8, std::uint64_t, std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint16_t>> bits;
        std::memcpy(&bits, data + i * sizeof(T), sizeof(T));
        result = bits;
    });
    return result;
}

} // namespace

Problem::Problem(Types types, Largest largest) {
    const auto has = [&](Types one, bool in_floats) {
        return types == one || types == Types::mixed || (types == Types::floats && in_floats);
    };
    name_ = types == Types::mixed || types == Types::floats ? "mixed" : "alone";
    if (has(Types::float32, true)) {
        add_type(ScalarType::float32, largest);
    }
    if (has(Types::float64, true)) {
        add_type(ScalarType::float64, largest);
    }
    if (has(Types::bfloat16, false)) {
        add_type(ScalarType::bfloat16, largest);
    }
    if (has(Types::float16, false)) {
        add_type(ScalarType::float16, largest);
    }
    reset();
}

void Problem::add_type(ScalarType type, Largest largest) {
    const Shape shapes[blocks_of_type] = {{5, 1}, {8, 16}, largest == Largest::gaussian_tiles ? Shape{461, 1} : Shape{17, 125}};
    for (const Shape& shape : shapes) {
        const std::size_t size = shape.rows * shape.columns;
        memory_.emplace_back((size * bytes_of(type) + 7) / 8);
        parameters_.add_memory(std::string{to_string(type)} + "/" + std::to_string(size), memory_.back().data(), type, size, shape);
    }
}

void Problem::reset() {
    for (const Block& block : parameters_.blocks()) {
        visit(block, [&]<class T>(unsigned char* data) {
            for (std::size_t i = 0; i < block.size(); ++i) {
                const T w(static_cast<float>(static_cast<int>(i * 7919 % 1021) - 510) * 0x1p-11f);
                std::memcpy(data + i * sizeof(T), &w, sizeof(T));
            }
        });
    }
}

double Problem::loss() const {
    double sum = 0;
    for (const Block& block : parameters_.blocks()) {
        for (std::size_t i = 0; i < block.size(); ++i) {
            const double d = distance(block, i);
            sum += ScalarLanes::product(d, d);
        }
    }
    return sum;
}

DirectionalLoss Problem::loss(const Tangent& tangent) const {
    DirectionalLoss result{loss(), 0};
    std::vector<float> z;
    for (std::size_t b = 0; b < parameters_.blocks().size(); ++b) {
        const Block& block = parameters_.blocks()[b];
        z.resize(block.size());
        tangent.fill(b, z);
        for (std::size_t i = 0; i < block.size(); ++i) {
            result.derivative += ScalarLanes::product(2 * distance(block, i), static_cast<double>(z[i]));
        }
    }
    return result;
}

void Problem::add_weights(Answers& out, const std::string& name) const {
    const std::span<const Block> blocks = parameters_.blocks();
    for (std::size_t b = 0; b < blocks.size(); b += blocks_of_type) {
        std::string answer;
        for (std::size_t s = 0; s < blocks_of_type; ++s) {
            Digest digest;
            for (std::size_t i = 0; i < blocks[b + s].size(); ++i) {
                digest.add(word(blocks[b + s], i), static_cast<int>(bytes_of(blocks[b + s].type)));
            }
            answer += hex(digest.value(), 16) + " ";
        }
        const Block& largest = blocks[b + blocks_of_type - 1];
        const int digits = static_cast<int>(2 * bytes_of(largest.type));
        answer += hex(word(largest, 0), digits) + " " + hex(word(largest, largest.size() - 1), digits);
        out.push_back({name + " " + name_ + " " + std::string{to_string(largest.type)}, answer});
    }
}

void Problem::add_coefficients(Answers& out, const std::string& name, std::span<const double> coefficients,
                               std::span<const std::size_t> begins) const {
    Digest digest;
    for (const double c : coefficients) {
        digest.add(__builtin_bit_cast(std::uint64_t, c), 8);
    }
    std::string answer = hex(digest.value(), 16);
    for (const std::size_t begin : begins) {
        answer += " " + bits(coefficients[begin]);
    }
    const bool alone = name_ == "alone";
    out.push_back({name + " " + name_ + (alone ? " " + std::string{to_string(parameters_.blocks()[0].type)} : "") + " coefficients", answer});
}

} // namespace golden
