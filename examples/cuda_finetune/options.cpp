#include "options.hpp"

#include <cstdlib>

#include <program/command_line.hpp>

namespace cuda_finetune {
namespace {

constexpr const char* description =
    "Adapts a trained perceptron 784-500-10 to rotated digits with forward passes alone, on a GPU: the weights\n"
    "are in its memory, the passes are cuBLAS's and a few kernels. The run's terms (keys and coefficients) are\n"
    "written to a file, and from the starting weights and that file alone the processor makes the run again, to\n"
    "the same bits.";

constexpr const char* footer =
    "The folder of --data is that of the example mnist: mlp.safetensors and MNIST's four files. A replay reads\n"
    "mlp.safetensors alone.\n"
    "\n"
    "Interrupted (Ctrl-C), it finishes the step, writes the terms and replays; a second Ctrl-C ends it at once.\n"
    "Exit status: 0 done, and the replay gave the same bits; 1 it gave others; 2 wrong arguments or input; 77 there\n"
    "is no CUDA device; 130 interrupted.";

}  // namespace

std::variant<Options, Message> read_options(int argc, const char* const* argv) {
    Options options;
    Method& method = options.method;
    const char* const root = std::getenv("ZEROTH_DATA_DIR");
    options.data = std::string(root != nullptr ? root : "../shared/data") + "/mnist";
    bool bfloat16 = false;

    program::CommandLine line("cuda_finetune", description, footer);
    const char* group = "Method";
    line.flag(group, "--bfloat16", "Weights and activations in bfloat16, updates rounded\nstochastically (on a GPU from sm_80 on)", bfloat16);
    line.whole(group, "--queries", "Directions averaged in a step, 2 forward passes each [1]", 1, 1 << 8, method.queries);
    line.number(group, "--epsilon", "X", "How far the probes stand from the weights [1e-3]", false, method.epsilon);
    line.number(group, "--learning-rate", "X", "Constant for half of the steps, then falling to 0 [1.5e-3]", true, options.learning_rate);
    group = "Run";
    line.choice(group, "--on", "Where the weights are [gpu; cpu for a replay]", program::Names<Place>{{"gpu", Place::device}, {"cpu", Place::host}}, options.on);
    line.add(group, "--data", "FOLDER", "Model and digits [$ZEROTH_DATA_DIR/mnist]", [&](const std::string& value) { options.data = value; });
    line.number(group, "--angle", "X", "Degrees to turn the digits by, counter-clockwise [45]", true, options.angle);
    line.whole(group, "--forwards", "Forward passes [5000]", 1, std::uint64_t{1} << 40, options.forwards);
    line.whole(group, "--batch", "Images in a forward pass [128]", 1, 1 << 16, options.batch);
    line.whole(group, "--seed", "Of the batches and directions [1]", 0, ~std::uint64_t{0}, method.seed);
    line.whole(group, "--threads", "Of the processor; 0: all [0]", 0, 4096, options.threads);
    group = "Files";
    line.file(group, "--terms", "Where the terms are written [cuda_finetune.jsonl]", options.terms);
    line.file(group, "--replay", "Make no run, but this one's again, by its terms", options.replay);
    line.file(group, "--json", "Write the figures of the run, as JSON", options.json);
    if (auto message = line.parse(argc, argv)) return *message;

    if (!options.replay.empty()) {
        for (const char* name : {"--bfloat16", "--queries", "--epsilon", "--learning-rate", "--angle", "--forwards", "--batch", "--seed", "--terms"}) {
            if (line.given(name)) throw UsageError(name, "does not go with --replay: the file says how the run was made");
        }
        if (!line.given("--on")) options.on = Place::host;
    } else if (options.steps() == 0) {
        throw UsageError("--forwards", std::to_string(options.forwards) + " is less than one step's " + std::to_string(2 * method.queries));
    }
    method.weights = bfloat16 ? WeightType::bfloat16 : WeightType::float32;
    return options;
}

}  // namespace cuda_finetune
