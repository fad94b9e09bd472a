#include "term_file.hpp"

#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <utility>

#include <files/atomic_file.hpp>
#include <nlohmann/json.hpp>

namespace cuda_finetune {
namespace {

constexpr const char* format = "zeroth cuda_finetune terms 1";
constexpr const char* direction = "gaussian";
/// What the program's options allow, and a line of so many terms with room to spare: its parsed form is many times as large.
constexpr std::uint64_t max_queries = 256, max_steps = std::uint64_t{1} << 40;
constexpr std::size_t max_line = std::size_t{1} << 16;
constexpr std::pair<WeightType, const char*> types[] = {{WeightType::float32, "float32"}, {WeightType::bfloat16, "bfloat16"}};

const char* name_of(WeightType type) {
    for (const auto& [known, name] : types) {
        if (known == type) return name;
    }
    return "";
}

WeightType type_of(const std::string& name) {
    for (const auto& [type, known] : types) {
        if (known == name) return type;
    }
    throw std::runtime_error("weights \"" + name + "\" are not known");
}

using nlohmann::json;

/// A whole number from least to most: no fraction, no sign, no truth value.
std::uint64_t whole(const json& object, const char* name, std::uint64_t least, std::uint64_t most) {
    const json& value = object.at(name);
    if (value.is_number_unsigned() && value.get<std::uint64_t>() >= least && value.get<std::uint64_t>() <= most) return value.get<std::uint64_t>();
    throw std::runtime_error(std::string(name) + " is " + value.dump() + ", not a whole number from " + std::to_string(least) + " to " + std::to_string(most));
}

double number(const json& value, const std::string& name, bool (*fits)(double), const char* range) {
    if (value.is_number() && std::isfinite(value.get<double>()) && fits(value.get<double>())) return value.get<double>();
    throw std::runtime_error(name + " is " + value.dump() + ", not " + range);
}

std::string checksum(const json& object, const char* name) {
    const json& value = object.at(name);
    const bool is_text = value.is_string() && !value.get_ref<const std::string&>().empty() && value.get_ref<const std::string&>().size() <= 8;
    if (!is_text || value.get_ref<const std::string&>().find_first_not_of("0123456789abcdef") != std::string::npos) {
        throw std::runtime_error(std::string(name) + " is not a CRC-32C in hexadecimal digits");
    }
    return value.get<std::string>();
}

Method method_of(const json& head) {
    if (!head.is_object() || head.at("format") != format) throw std::runtime_error("is not the head of a run's terms");
    if (head.at("direction") != direction) throw std::runtime_error("a direction that is not known");
    Method method;
    method.weights = type_of(head.at("weights").get<std::string>());
    method.queries = static_cast<std::uint32_t>(whole(head, "queries", 1, max_queries));
    // As the arithmetic has it: a number that no float can be would perturb nothing, or everything.
    const auto fits = [](double epsilon) { return static_cast<float>(epsilon) > 0 && epsilon <= static_cast<double>(std::numeric_limits<float>::max()); };
    method.epsilon = number(head.at("epsilon"), "epsilon", fits, "positive, and a float");
    method.seed = whole(head, "seed", 0, ~std::uint64_t{0});
    return method;
}

/// `first`: the least number that a step may have, after those before it.
Step step_of(const json& line, const Method& method, std::uint64_t first) {
    if (!line.is_object()) throw std::runtime_error("is not a step");
    const auto positive = [](double rate) { return rate >= 0; };
    const auto any = [](double) { return true; };
    Step step{.number = whole(line, "step", first, max_steps), .learning_rate = number(line.at("learning_rate"), "learning_rate", positive, "a number from 0 on")};
    const json& terms = line.at("terms");
    if (!terms.is_array()) throw std::runtime_error("terms is not a list");
    if (terms.size() != method.queries) throw std::runtime_error("has " + std::to_string(terms.size()) + " terms, not " + std::to_string(method.queries));
    std::uint64_t query = 0;
    for (const json& term : terms) {
        const bool is_next = term.is_array() && term.size() == 2 && term[0].is_number_unsigned() && term[0].get<std::uint64_t>() == query;
        if (!is_next) throw std::runtime_error("term " + std::to_string(query) + " is not [" + std::to_string(query) + ", a coefficient]");
        step.terms.push_back({{method.seed, step.number, static_cast<std::uint32_t>(query)}, number(term[1], "a coefficient", any, "a finite number")});
        ++query;
    }
    return step;
}

}  // namespace

void write_run(const std::filesystem::path& path, const Run& run) {
    files::AtomicFile file(path);
    const nlohmann::ordered_json head = {{"format", format},
                                         {"weights", name_of(run.method.weights)},
                                         {"direction", direction},
                                         {"queries", run.method.queries},
                                         {"epsilon", run.method.epsilon},
                                         {"seed", run.method.seed},
                                         {"start_crc32c", run.start_crc32c},
                                         {"end_crc32c", run.end_crc32c}};
    file.stream() << head.dump() << '\n';
    for (const Step& step : run.steps) {
        nlohmann::ordered_json line = {{"step", step.number}, {"learning_rate", step.learning_rate}, {"terms", nlohmann::json::array()}};
        for (const zeroth::Term& term : step.terms) line["terms"].push_back({term.key.query, term.coefficient});
        file.stream() << line.dump() << '\n';
    }
    file.commit();
}

Run read_run(const std::filesystem::path& path) {
    std::ifstream file(path);
    if (!file) throw files::FileError(path, "", "cannot be opened");
    Run run;
    std::string text;
    std::size_t number = 0;
    const auto next = [&] {
        ++number;
        if (!std::getline(file, text)) return false;
        if (text.size() > max_line) throw std::runtime_error("is longer than a step of " + std::to_string(max_queries) + " terms");
        return true;
    };
    try {
        if (!next()) throw std::runtime_error("there is none");
        const json head = json::parse(text);
        run.method = method_of(head);
        run.start_crc32c = checksum(head, "start_crc32c");
        run.end_crc32c = checksum(head, "end_crc32c");
        while (next()) run.steps.push_back(step_of(json::parse(text), run.method, run.steps.empty() ? 0 : run.steps.back().number + 1));
        if (file.bad()) throw std::runtime_error("cannot be read");
    } catch (const std::exception& error) {
        throw files::FileError(path, "line " + std::to_string(number), error.what());
    }
    return run;
}

}  // namespace cuda_finetune
