#include "options.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include <program/command_line.hpp>

namespace mnist {
namespace {

constexpr const char* description =
    "Adapts a trained perceptron 784-500-10 to rotated digits with forward passes alone:\n"
    "the library on a forward pass of one's own.";

constexpr const char* footer =
    "The folder of --data holds mlp.safetensors and MNIST's four files: train-images-idx3-ubyte.gz,\n"
    "train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz; also unzipped, and\n"
    "with .idx in place of -idx. The tensors are fc1.weight, fc1.bias, fc2.weight and fc2.bias.\n"
    "\n"
    "Interrupted (Ctrl-C), it finishes the step and evaluates; a second Ctrl-C ends it at once.\n"
    "Exit status: 0 done, 1 standard output could not be written, 2 wrong arguments or input,\n"
    "or a loss that is not finite, 3 the weights give none that is, 130 interrupted.";

constexpr std::array<const char*, 4> tensors = {"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"};

void require_tensor(const std::string& option, const std::string& name) {
    std::string list;
    for (const char* tensor : tensors) {
        if (name == tensor) return;
        list += (list.empty() ? "" : "|") + std::string(tensor);
    }
    throw UsageError(option, "\"" + name + "\" is not one of " + list);
}

/// Adds the options; each writes into `options` as it is read.
class Reader {
public:
    explicit Reader(Options& options) : options_(options) {}

    std::variant<Options, Message> read(int argc, const char* const* argv) {
        const char* const root = std::getenv("ZEROTH_DATA_DIR");
        options_.data = std::string(root != nullptr ? root : "../shared/data") + "/mnist";
        declare_method();
        declare_run();
        if (const auto message = line_.parse(argc, argv)) return *message;
        check();
        set_usual();
        static_cast<void>(options_.steps_after(0));
        return options_;
    }

private:
    void declare_method() {
        using program::Names;
        const char* group = "Method";
        Method& method = options_.method;
        const Names<EstimatorKind> estimators = {{"two-sided", EstimatorKind::two_sided}, {"fzoo", EstimatorKind::fzoo}};
        line_.choice(group, "--estimator",
                     "Losses at both ends of a direction, 2 forward passes a\nquery; or at one end and the middle, over their deviation:\n"
                     "1, and 1 a step [fzoo]",
                     estimators, method.estimator);
        const Names<DirectionKind> directions = {
            {"rademacher", DirectionKind::rademacher}, {"gaussian", DirectionKind::gaussian}, {"low-rank", DirectionKind::low_rank}};
        line_.choice(group, "--direction", "The random directions: a distribution, or matrices of rank 2\n[rademacher]", directions,
                     method.direction);
        line_.whole(group, "--queries", "Directions averaged in a step [8; two-sided: 1]", 1, 1 << 20, method.queries);
        line_.number(group, "--epsilon", "X", "How far the probes stand from the weights [1e-3]", false, method.epsilon);
        line_.number(group, "--learning-rate", "X", "Largest learning rate [4e-2; two-sided: 1.5e-3; times 1 - B\nwith --momentum B]", true,
                     method.learning_rate);
        const Names<ScheduleKind> schedules = {
            {"constant", ScheduleKind::constant}, {"linear", ScheduleKind::linear}, {"trapezoid", ScheduleKind::trapezoid}};
        line_.choice(group, "--schedule",
                     "linear: falling to 0 at the last step; trapezoid: constant\nfor half of the steps, then linear [linear; two-sided:\n"
                     "trapezoid]",
                     schedules, method.schedule);
        line_.number(group, "--momentum", "B", "Momentum; 0: none, and no state [0]", true, method.momentum);
        line_.choice(group, "--normalize", "meazo: divide each step by the root mean square of the\npast coefficients [none]",
                     Names<bool>{{"none", false}, {"meazo", true}}, method.normalize);
        line_.add(group, "--train", "NAME,...", "Tensors that are trained [all]",
                  [this](const std::string& value) { read_trained(value); });
        line_.add(group, "--scale", "NAME=FACTOR,...", "Scale a tensor's perturbation: its learning rate goes with\nthe square [1]",
                  [this](const std::string& value) { read_scales(value); });
        line_.flag(group, "--recommended",
                   "In place of these but --train: fzoo, with the epsilon and\nthe learning rate that some losses recommend (up to 196\n"
                   "passes, which --forwards counts), falling linearly",
                   options_.recommended);
    }

    void declare_run() {
        const char* group = "Run";
        line_.add(group, "--data", "FOLDER", "Model and digits [$ZEROTH_DATA_DIR/mnist]",
                  [this](const std::string& value) { options_.data = value; });
        line_.number(group, "--angle", "X", "Degrees to turn the digits by, counter-clockwise [45]", true, options_.angle);
        line_.whole(group, "--forwards", "Forward passes of a run [5000]", 1, std::uint64_t{1} << 40, options_.forwards);
        line_.whole(group, "--batch", "Images in a forward pass [128]", 1, 1 << 20, options_.batch);
        line_.flag(group, "--validation", "Evaluate on the last tenth of the training digits, held out\nof training, to choose settings by",
                   options_.validation);
        line_.whole(group, "--seed", "Of the batches and directions [1]", 0, ~std::uint64_t{0}, options_.seed);
        line_.whole(group, "--seeds", "Runs, with this seed and those that follow it, and their\nmean [1]", 1, 1 << 20, options_.seeds);
        line_.whole(group, "--threads", "0: all [0]", 0, 4096, options_.threads);
    }

    void read_trained(const std::string& list) {
        std::vector<std::string>& trained = options_.method.trained;
        for (const std::string& name : program::split("--train", list)) {
            require_tensor("--train", name);
            if (std::ranges::find(trained, name) != trained.end()) throw UsageError("--train", name + " is given twice");
            trained.push_back(name);
        }
    }

    void read_scales(const std::string& list) {
        for (const std::string& part : program::split("--scale", list)) {
            const std::size_t equals = part.find('=');
            if (equals == std::string::npos) throw UsageError("--scale", "\"" + part + "\" is not NAME=FACTOR");
            const std::string name = part.substr(0, equals);
            require_tensor("--scale", name);
            options_.method.scales[name] = program::read_number("--scale", part.substr(equals + 1), true, "zero or positive, and finite");
        }
    }

    /// Which options go together.
    void check() const {
        const Method& method = options_.method;
        const auto refuse = [](bool wrong, const char* option, const std::string& reason) {
            if (wrong) throw UsageError(option, reason);
        };
        if (options_.recommended) {
            for (const char* name : {"--estimator", "--direction", "--queries", "--epsilon", "--learning-rate", "--schedule", "--momentum",
                                     "--normalize", "--scale"}) {
                refuse(line_.given(name), name, "does not go with --recommended; give the settings that it prints in its place");
            }
        }
        refuse(method.estimator == EstimatorKind::fzoo && method.queries < 2, "--queries", "fzoo needs at least 2");
        refuse(method.momentum >= 1, "--momentum", "is not under 1");
        refuse(method.normalize && !line_.given("--learning-rate"), "--normalize", "needs --learning-rate, the size of a step");
        for (const auto& [name, factor] : method.scales) {
            const bool trained = method.trained.empty() || std::ranges::find(method.trained, name) != method.trained.end();
            refuse(!trained, "--scale", name + " is not trained");
        }
    }

    /// The settings that were not given.
    void set_usual() {
        Method& method = options_.method;
        const bool two_sided = method.estimator == EstimatorKind::two_sided;
        if (two_sided && !line_.given("--queries")) method.queries = 1;
        if (two_sided && !line_.given("--schedule")) method.schedule = ScheduleKind::trapezoid;
        if (!line_.given("--learning-rate")) method.learning_rate = (two_sided ? 1.5e-3 : method.learning_rate) * (1 - method.momentum);
    }

    Options& options_;
    program::CommandLine line_{"mnist", description, footer};
};

}  // namespace

std::uint64_t Options::steps_after(std::uint64_t recommendation) const {
    const std::uint64_t each = method.forward_passes_per_step();
    if (forwards < recommendation + each) {
        const std::string first = recommendation != 0 ? "the recommendation's " + std::to_string(recommendation) + " and " : "";
        throw UsageError("--forwards", std::to_string(forwards) + " is less than " + first + "one step's " + std::to_string(each));
    }
    return (forwards - recommendation) / each;
}

std::variant<Options, Message> read_options(int argc, const char* const* argv) {
    Options options;
    return Reader(options).read(argc, argv);
}

}  // namespace mnist
