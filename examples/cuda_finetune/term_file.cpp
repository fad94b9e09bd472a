#include "term_file.hpp"

#include <fstream>
#include <stdexcept>
#include <utility>

#include <files/atomic_file.hpp>
#include <nlohmann/json.hpp>

namespace cuda_finetune {
namespace {

constexpr const char* format = "zeroth cuda_finetune terms 1";
constexpr const char* direction = "gaussian";
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
        return static_cast<bool>(std::getline(file, text));
    };
    try {
        if (!next()) throw std::runtime_error("there is none");
        const nlohmann::json head = nlohmann::json::parse(text);
        if (head.at("format") != format) throw std::runtime_error("is not the head of a run's terms");
        if (head.at("direction") != direction) throw std::runtime_error("a direction that is not known");
        run.method = {.weights = type_of(head.at("weights")),
                      .queries = head.at("queries"),
                      .epsilon = head.at("epsilon"),
                      .seed = head.at("seed")};
        run.start_crc32c = head.at("start_crc32c");
        run.end_crc32c = head.at("end_crc32c");
        while (next()) {
            const nlohmann::json line = nlohmann::json::parse(text);
            Step& step = run.steps.emplace_back(Step{.number = line.at("step"), .learning_rate = line.at("learning_rate")});
            for (const nlohmann::json& term : line.at("terms")) {
                step.terms.push_back({{run.method.seed, step.number, term.at(0)}, term.at(1)});
            }
            if (step.terms.size() != run.method.queries) {
                throw std::runtime_error("has " + std::to_string(step.terms.size()) + " terms, not " + std::to_string(run.method.queries));
            }
        }
    } catch (const std::exception& error) {
        throw files::FileError(path, "line " + std::to_string(number), error.what());
    }
    return run;
}

}  // namespace cuda_finetune
