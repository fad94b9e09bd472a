#include "options.hpp"

#include <string_view>
#include <utility>

#include <program/command_line.hpp>
#include <program/distinct_files.hpp>
#include <report/canvas.hpp>
#include <report/format.hpp>

#include "tensors.hpp"

namespace finetune {
namespace {

constexpr const char* description =
    "Fine-tunes a language model with forward passes alone, in the memory of inference.\n"
    "\n"
    "Without arguments it shows what it does: it makes a small model, trains it by\n"
    "back-propagation on a made-up language and adapts it to a changed one with forward\n"
    "passes alone. No file is read or written and no network is used.";

constexpr const char* footer =
    "Text\n"
    "  UTF-8. A line <|endoftext|> ends a document: the next begins with the start token.\n"
    "  With --train and no --eval the first 90 % of the file's bytes train and the last\n"
    "  10 % evaluate. The training batch is --batch random windows of --length tokens;\n"
    "  evaluation goes over consecutive chunks of --length tokens that begin without a\n"
    "  start token; an incomplete last chunk is left out.\n"
    "  With --eval alone the model is evaluated as it was pretrained: documents one by\n"
    "  one, each beginning with the start token, in chunks of the model's longest sequence\n"
    "  (or of --length tokens). It scores the first 64 KiB of the file and says so if that\n"
    "  is not all. Loss is the mean over chunks of the mean negative log-likelihood a\n"
    "  token, in nats.\n"
    "\n"
    "  Line ends CR LF and CR are read as line feeds, byte-order marks left out; UTF-16 is\n"
    "  refused. What was read is said.\n"
    "\n"
    "Classification\n"
    "  A line holds a sentence, a tab and a label 0, 1, ...; a first line in which a column\n"
    "  is called \"label\" is a header. Of more than two columns it names that of the\n"
    "  sentence too, \"sentence\" or \"text\". Fields may be quoted as spreadsheets and pandas do\n"
    "  it. The sentence goes into --prompt in place of {} (in front of it if there is no {}),\n"
    "  and label i is scored by the log-probability of word i of --verbalizer after it. Loss\n"
    "  is the cross-entropy of these scores.\n"
    "\n"
    "The weights are written before they are evaluated. A run has diverged if a loss is no\n"
    "longer finite, or over twice the loss before training and half a nat: the file of\n"
    "--save stays as it was then, and the weights get the name NAME.diverged. Where they\n"
    "cannot be written as asked they are kept in another folder, and it is said where. Two\n"
    "runs cannot have the same output at a time. After 0 steps nothing is replaced.\n"
    "Files .zeroth-*.tmp and .zeroth-*.lock in the folders of outputs are of runs under way, or\n"
    "of killed ones: the next that writes there removes those.\n"
    "\n"
    "Interrupted (Ctrl-C, SIGTERM), it finishes the step, writes the weights, evaluates and\n"
    "writes what else was asked for; a second Ctrl-C ends it at once.\n"
    "Exit status: 0 done, 1 an output could not be written (what could is named), 2 wrong\n"
    "arguments or input (nothing is written), 3 the run has diverged, 130 interrupted.\n"
    "\n"
    "Examples\n"
    "  finetune\n"
    "      the built-in run\n"
    "  finetune --model stories260K.bin --tokenizer tok512.bin --generate 200 --temperature 0\n"
    "      the likeliest story\n"
    "  finetune --model stories260K.bin --tokenizer tok512.bin --eval tinystories.txt\n"
    "      the loss on a text\n"
    "  finetune --model stories260K.bin --tokenizer tok512.bin --train tinyshakespeare.txt\n"
    "           --forwards 10000 --save adapted.bin --plot loss.svg --generate 100\n"
    "      adapts the model to a text\n"
    "  finetune --model stories260K.bin --tokenizer tok512.bin --task classify\n"
    "           --train train.tsv --eval dev.tsv --prompt \" It was\" --verbalizer terrible,great\n"
    "           --learning-rate 3e-5 --steps 500\n"
    "      adapts it to tell sentences apart";

using program::Names;
using program::read_number;
using program::read_whole;

/// Adds the options; each writes into `options` as it is read.
class Reader {
public:
    explicit Reader(Options& options) : options_(options) {}

    std::variant<Options, Message> read(int argc, const char* const* argv) {
        declare_input();
        declare_method();
        declare_run();
        declare_output();
        if (const auto message = line_.parse(argc, argv)) return *message;
        if (options_.recommended) {
            options_.method.estimator = EstimatorKind::fzoo;
            options_.method.schedule.kind = ScheduleKind::linear;
        }
        if (options_.method.estimator == EstimatorKind::fzoo) {
            if (!line_.given("--queries")) options_.method.queries = 8;
            if (!line_.given("--direction")) options_.method.direction = DirectionKind::rademacher;
        }
        check();
        return options_;
    }

private:
    void declare_input() {
        const char* group = "Model and data";
        line_.file(group, "--model", "Checkpoint of llama2.c, legacy or version 1", options_.model);
        line_.file(group, "--tokenizer", "Tokenizer of llama2.c with the model's vocabulary", options_.tokenizer);
        line_.file(group, "--adapter", "Begin from a LoRA, prefix or prompt that --save wrote", options_.adapter);
        const Names<TaskKind> tasks = {{"text", TaskKind::text}, {"classify", TaskKind::classify}};
        line_.choice(group, "--task", "Next token of a text, or label of a sentence [text]", tasks, options_.task);
        line_.file(group, "--train", "Text or TSV to train on", options_.train);
        line_.file(group, "--eval", "Text or TSV to evaluate on, before and after\n[text: the last 10 % of --train]", options_.eval);
        line_.add(group, "--prompt", "TEXT", "classify: what stands around the sentence, {} [\"\"]\ntext: how the sample of --generate begins",
                      [this](const std::string& value) { options_.prompt = value; });
        line_.add(group, "--verbalizer", "WORD,WORD,...", "classify: the word for label 0, 1, ...", [this](const std::string& value) {
            for (std::size_t begin = 0; begin <= value.size();) {
                const std::size_t end = std::min(value.find(',', begin), value.size());
                options_.verbalizer.push_back(value.substr(begin, end - begin));
                if (end == begin) throw UsageError("--verbalizer", "\"" + value + "\" has an empty word");
                begin = end + 1;
            }
            if (options_.verbalizer.size() < 2) throw UsageError("--verbalizer", "\"" + value + "\" is fewer than two words");
        });
    }

    void declare_method() {
        const char* group = "Method";
        Method& method = options_.method;
        const Names<Scheme> schemes = {
            {"full", Scheme::full}, {"lora", Scheme::lora}, {"prefix", Scheme::prefix}, {"prompt", Scheme::prompt}, {"head", Scheme::head}};
        line_.choice(group, "--scheme",
               "Train all weights; or what is added to them: LoRA on\nquery and value, a prefix of keys and values, a prompt of\n"
               "embeddings; or the final norm and the classifier (the\ntoken embedding where it is tied) [full]",
               schemes, method.tuning.scheme);
        line_.whole(group, "--rank", "Of LoRA's products [8]", 1, 1 << 16, method.tuning.rank);
        line_.number(group, "--alpha", "X", "LoRA's products are scaled by alpha / rank [16]", false, method.tuning.alpha);
        line_.whole(group, "--prefix-tokens", "Pairs of a key and a value a layer [5]", 1, 1 << 20, method.tuning.prefix);
        line_.whole(group, "--prompt-tokens", "Embeddings of the prompt [10]", 1, 1 << 20, method.tuning.prompt);
        const Names<EstimatorKind> estimators = {{"two-sided", EstimatorKind::two_sided},
                                                 {"one-sided", EstimatorKind::one_sided},
                                                 {"fzoo", EstimatorKind::fzoo},
                                                 {"kernel", EstimatorKind::kernel},
                                                 {"forward-gradient", EstimatorKind::forward_gradient},
                                                 {"coordinate", EstimatorKind::coordinate},
                                                 {"first-order", EstimatorKind::first_order}};
        line_.choice(group, "--estimator",
               "Probe at both ends of a direction: 2 forward passes a\nquery; or at one end and the middle: 1, and 1 a step; or\n"
               "these over their deviation (fzoo); or both ends at a\ndistance of its own, weighed by a kernel; or the\n"
               "derivative along it in forward mode; or both sides of\nsingle weights; or back-propagate [two-sided]",
               estimators, method.estimator);
        line_.whole(group, "--kernel-order", "Of the smoothing that the kernel undoes [4]", 2, 6, method.kernel_order);
        const Names<DirectionKind> directions = {{"gaussian", DirectionKind::gaussian},
                                                 {"rademacher", DirectionKind::rademacher},
                                                 {"uniform", DirectionKind::uniform},
                                                 {"sphere", DirectionKind::sphere},
                                                 {"pool", DirectionKind::pool},
                                                 {"lfsr", DirectionKind::lfsr},
                                                 {"mixed-pool", DirectionKind::mixed_pool},
                                                 {"low-rank", DirectionKind::low_rank}};
        line_.choice(group, "--direction",
                     "The random directions: a distribution; or few numbers\nover again (pool, lfsr; two sums of them: mixed-pool);\n"
                     "or matrices of rank 2 [gaussian; fzoo: rademacher]",
                     directions, method.direction);
        const Names<UpdateKind> updates = {{"sgd", UpdateKind::sgd},
                                           {"sign", UpdateKind::sign},
                                           {"sign-scalar", UpdateKind::sign_scalar},
                                           {"momentum", UpdateKind::momentum},
                                           {"conservative", UpdateKind::conservative},
                                           {"adam", UpdateKind::adam},
                                           {"adamw", UpdateKind::adamw}};
        line_.choice(group, "--update", "Update rule; sign: of each weight's gradient;\nsign-scalar: of each query's; conservative: the best of\nstaying, a step and a step back, 3 forward passes more\n[sgd]",
               updates, method.update);
        line_.whole(group, "--window", "momentum, adam, adamw: no state, but the last N steps\nreplayed in each update; 0: state [0]", 0, 1 << 12, method.window);
        line_.add(group, "--blocks", "none|layer|tensor|PATTERN,...", "Train block by block: by layer, by tensor, or by names\nthat fit a pattern, in which * is anything [none]",
            [this](const std::string& value) {
                static_cast<void>(program::split("--blocks", value));
                options_.method.blocks = value;
            });
        const Names<BlockOrderKind> orders = {{"all", BlockOrderKind::all},
                                              {"cyclic", BlockOrderKind::cyclic},
                                              {"random", BlockOrderKind::random},
                                              {"jacobi", BlockOrderKind::jacobi}};
        line_.choice(group, "--block-order", "A step moves all blocks, each at once (all) or after\nall are estimated (jacobi); or one block, in turn or at\nrandom [all]", orders,
               method.block_order);
        line_.add(group, "--mask", "none|bernoulli:S|...",
            "Perturb and update a share S of the weights: bernoulli:S\nat random; global:S at random, more of a tensor with\n"
            "large weights; magnitude:S, small:S the largest or the\nsmallest of each tensor; N:M the N largest of M [none]",
            [this](const std::string& value) { read_mask(value); });
        line_.whole(group, "--mask-every", "Choose them anew after every N steps; 0: never [0]", 0, std::uint64_t{1} << 40, method.mask.every);
        line_.add(group, "--scales", "none|rms|PATTERN=FACTOR,...", "Factors of the perturbation: by the weights' root mean\nsquare, or for tensors whose names fit a pattern, in which\n* is anything; with --update sgd the rate goes with their\nsquare [none]",
                  [&method](const std::string& value) {
                      if (value != "none" && value != "rms") static_cast<void>(pattern_factors(value));
                      method.scales = value;
                  });
        line_.whole(group, "--hybrid", "The last N layers and what follows them take gradients of\nback-propagation, by Adam; the rest forward passes [0]", 0, 1 << 20, method.hybrid);
        line_.number(group, "--first-order-rate", "X", "Learning rate of Adam in --hybrid [by scheme; full: 1e-3]", true, method.first_order_rate);
        line_.whole(group, "--dizo", "After every N steps scale each tensor's displacement from\nwhere it began, by 20 forward passes; 0: never [0]", 0, std::uint64_t{1} << 40,
                    method.projection.interval);
        line_.add(group, "--dizo-blocks", "PATTERN,...", "Of the tensors whose names fit a pattern, in which * is\nanything [*]",
                  [&method](const std::string& value) {
                      static_cast<void>(program::split("--dizo-blocks", value));
                      method.projection.blocks = value;
                  });
        line_.choice(group, "--normalize", "meazo: divide each step by the root mean square of the\npast coefficients [none]",
                     Names<bool>{{"none", false}, {"meazo", true}}, method.normalize);
        using zeroth::ScalarType;
        const Names<ScalarType> types = {{"float32", ScalarType::float32}, {"bfloat16", ScalarType::bfloat16}, {"float16", ScalarType::float16}};
        line_.choice(group, "--weights",
               "Keep the trained tensors in 32 or 16 bits, and a second\ncopy of these, to restore them; the passes are in float32\n"
               "all the same, from a widened copy of 16-bit tensors that\nis this program's need, not the method's [float32]",
               types, method.weights);
        line_.whole(group, "--queries", "Directions averaged, or weights probed, in a step [1;\nfzoo: 8]", 1, 1 << 20, method.queries);
        line_.number(group, "--epsilon", "X", "How far the probes stand from the weights [1e-3; prefix,\nkernel: 1e-2]", false, method.smoothing);
        line_.number(group, "--learning-rate", "X", "Largest learning rate [by method and scheme; built-in run:\nfive times that]", true, options_.learning_rate);
        line_.flag(group, "--recommended", "In place of these but --scheme and --weight-decay: fzoo, with the epsilon\nand the learning rate that some losses recommend (up to 196\npasses, which --forwards counts), falling linearly", options_.recommended);
        line_.add(group, "--schedule", "KIND[:WARMUP]", "constant; linear or cosine: falling to 0 at the last\nstep; trapezoid: constant for half of the steps, then\nlinear; after rising over WARMUP steps [trapezoid]",
            [this](const std::string& value) { read_schedule(value); });
        line_.number(group, "--weight-decay", "X", "Decoupled weight decay [0; adamw: 0.01]", true, method.weight_decay);
    }

    void declare_run() {
        const char* group = "Run";
        line_.whole(group, "--batch", "Windows or sentences in a batch [16]", 1, 1 << 20, options_.batch);
        line_.whole(group, "--accumulate", "Batches in a loss, one after the other [1]", 1, 1 << 20, options_.accumulate);
        line_.flag(group, "--reuse-activations", "Keep the input of each layer, so that passes of --blocks\nbegin at the first layer that has changed", options_.method.reuse_activations);
        line_.flag(group, "--validation", "Evaluate on the last ninth of the training data, held out\nof training, to choose settings by", options_.validation);
        line_.flag(group, "--plan", "Show the memory that the methods need, before training", options_.plan);
        line_.whole(group, "--length", "Tokens of a window or sentence, start token and prompt\nincluded [128, or the model's longest if that is less]", 2,
              1 << 20, options_.length);
        line_.whole(group, "--steps", "Steps to make [500; built-in run: 12000]", 0, std::uint64_t{1} << 40, options_.steps);
        line_.whole(group, "--forwards", "The same, given as forward passes in place of --steps", 1, std::uint64_t{1} << 40, options_.forwards);
        line_.whole(group, "--eval-every", "Evaluate after every N steps too; 0: only at the ends [0]", 0, std::uint64_t{1} << 40, options_.eval_every);
        line_.whole(group, "--seed", "Of the batches, directions and samples [1]", 0, ~std::uint64_t{0}, options_.seed);
        line_.whole(group, "--threads", "Threads; they do not change the result. 0: all [0]", 0, 4096, options_.threads);
    }

    void declare_output() {
        const char* group = "Output";
        line_.file(group, "--save", "Write the trained checkpoint, in the format of --model,\nLoRA merged; or FILE.safetensors with what was added to\nit, which is all that a prefix or a prompt allows", options_.save);
        line_.whole(group, "--save-every", "Write it after every N steps too; 0: only at the end [0]", 0, std::uint64_t{1} << 40, options_.save_every);
        line_.flag(group, "--save-diverged", "Give weights of a run that has diverged the name of\n--save; else they are written beside it", options_.save_diverged);
        line_.file(group, "--metrics", "Write each step's loss and rate, as CSV", options_.metrics);
        line_.file(group, "--plot", "Write a plot of the loss, as .svg or .png", options_.plot);
        line_.file(group, "--json", "Write the figures of the run, as JSON", options_.json);
        line_.whole(group, "--generate", "Show N tokens written by the model, before and after [0]", 0, 1 << 20, options_.generate);
        line_.number(group, "--temperature", "X", "Of the sample; 0: always the likeliest token [1]", true, options_.temperature);
    }

    void read_schedule(const std::string& value) {
        const std::size_t colon = value.find(':');
        const std::string kind = value.substr(0, colon);
        ScheduleOption& schedule = options_.method.schedule;
        if (kind == "constant") {
            schedule.kind = ScheduleKind::constant;
        } else if (kind == "linear") {
            schedule.kind = ScheduleKind::linear;
        } else if (kind == "cosine") {
            schedule.kind = ScheduleKind::cosine;
        } else if (kind == "trapezoid") {
            schedule.kind = ScheduleKind::trapezoid;
        } else {
            throw UsageError("--schedule", "\"" + kind + "\" is not one of constant|linear|cosine|trapezoid");
        }
        if (colon != std::string::npos) schedule.warm_up = read_whole("--schedule", value.substr(colon + 1), 0, std::uint64_t{1} << 40);
    }

    void read_mask(const std::string& value) {
        MaskOption& mask = options_.method.mask;
        const std::size_t colon = value.find(':');
        const std::string kind = value.substr(0, colon), rest = colon == std::string::npos ? "" : value.substr(colon + 1);
        const std::pair<const char*, MaskKind> kinds[] = {
            {"bernoulli", MaskKind::bernoulli}, {"global", MaskKind::global}, {"magnitude", MaskKind::magnitude}, {"small", MaskKind::small}};
        mask.kind = MaskKind::none;
        if (value == "none") return;
        for (const auto& [name, mask_kind] : kinds) {
            if (kind != name) continue;
            mask.kind = mask_kind;
            mask.share = read_number("--mask", rest, false, "over 0");
            if (mask.share > 1) throw UsageError("--mask", rest + " is not a share, over 0 and at most 1");
            return;
        }
        if (colon == std::string::npos) throw UsageError("--mask", "\"" + value + "\" is not one of none|bernoulli:S|global:S|magnitude:S|small:S|N:M");
        mask.kind = MaskKind::n_of_m;
        mask.m = static_cast<std::uint32_t>(read_whole("--mask", rest, 1, 32));
        mask.n = static_cast<std::uint32_t>(read_whole("--mask", kind, 1, mask.m));
    }

    /// Which methods go together.
    void check_method() const {
        const Method& method = options_.method;
        const bool blocks = method.blocks != "none", masked = method.mask.kind != MaskKind::none;
        const auto given = [this](const char* name) { return line_.given(name); };
        const auto refuse = [](bool wrong, const char* option, const std::string& reason) {
            if (wrong) throw UsageError(option, reason);
        };
        if (options_.recommended) {
            for (const char* name : {"--estimator", "--direction", "--update", "--weights", "--blocks", "--mask", "--scales", "--hybrid", "--dizo", "--normalize", "--queries", "--epsilon", "--learning-rate", "--schedule"}) {
                refuse(line_.given(name), name, "does not go with --recommended; give the settings that it prints in its place");
            }
        }
        const bool windowed = method.update == UpdateKind::momentum || method.update == UpdateKind::adam || method.update == UpdateKind::adamw;
        refuse(method.window != 0 && !windowed, "--window", "needs --update momentum, adam or adamw");
        refuse(!blocks && given("--block-order"), "--block-order", "needs --blocks");
        refuse(!blocks && method.reuse_activations, "--reuse-activations", "needs --blocks");
        refuse(!masked && given("--mask-every"), "--mask-every", "needs --mask");
        refuse(method.hybrid == 0 && given("--first-order-rate"), "--first-order-rate", "needs --hybrid");
        refuse(method.estimator == EstimatorKind::fzoo && method.queries < 2, "--queries", "fzoo needs at least 2");
        refuse(method.estimator != EstimatorKind::kernel && given("--kernel-order"), "--kernel-order", "needs --estimator kernel");
        refuse(masked && method.direction > DirectionKind::uniform, "--mask", "goes with --direction gaussian, rademacher or uniform");
        refuse(method.scales != "none" && masked, "--scales", "does not go with --mask");
        refuse(method.scales != "none" && method.direction > DirectionKind::uniform, "--scales", "goes with --direction gaussian, rademacher or uniform");
        refuse(method.projection.interval == 0 && line_.given("--dizo-blocks"), "--dizo-blocks", "needs --dizo");
        refuse(method.normalize && method.update != UpdateKind::sgd && method.update != UpdateKind::momentum, "--normalize", "goes with --update sgd or momentum");
        refuse(masked && blocks, "--mask", "does not go with --blocks");
        refuse(masked && method.hybrid != 0, "--mask", "does not go with --hybrid");
        refuse(method.hybrid != 0 && blocks, "--hybrid", "does not go with --blocks");
        if (method.weights != zeroth::ScalarType::float32) {
            const std::string other = "does not go with --weights " + std::string(zeroth::to_string(method.weights));
            const bool by_losses = method.estimator <= EstimatorKind::kernel;
            refuse(!by_losses, "--estimator", "other than two-sided, one-sided, fzoo and kernel " + other);
            refuse(method.direction > DirectionKind::rademacher, "--direction", "other than gaussian and rademacher " + other);
            refuse(method.update != UpdateKind::sgd, "--update", "other than sgd " + other);
            refuse(method.normalize, "--normalize", other);
            refuse(blocks, "--blocks", other);
            refuse(masked, "--mask", other);
            refuse(method.hybrid != 0, "--hybrid", other);
            refuse(method.projection.interval != 0, "--dizo", other);
        }
        for (const auto& [name, scheme] : {std::pair{"--rank", Scheme::lora}, {"--alpha", Scheme::lora}, {"--prefix-tokens", Scheme::prefix}, {"--prompt-tokens", Scheme::prompt}}) {
            refuse(given(name) && method.tuning.scheme != scheme, name, std::string("needs --scheme ") + (scheme == Scheme::lora ? "lora" : scheme == Scheme::prefix ? "prefix" : "prompt"));
        }
        if (method.estimator == EstimatorKind::first_order || method.estimator == EstimatorKind::coordinate || method.estimator == EstimatorKind::forward_gradient) {
            const char* estimator = method.estimator == EstimatorKind::first_order ? "first-order" : method.estimator == EstimatorKind::coordinate ? "coordinate" : "forward-gradient";
            const std::string other = std::string("does not go with --estimator ") + estimator;
            refuse(blocks, "--blocks", other);
            refuse(method.scales != "none" && method.estimator != EstimatorKind::forward_gradient, "--scales", other);
            refuse(method.hybrid != 0, "--hybrid", other);
            refuse(masked && method.estimator != EstimatorKind::forward_gradient, "--mask", other);
            refuse(method.update == UpdateKind::conservative && method.estimator != EstimatorKind::coordinate, "--update", "conservative " + other);
            refuse(given("--direction") && method.estimator != EstimatorKind::forward_gradient, "--direction", other);
            refuse(method.direction > DirectionKind::uniform, "--direction", "other than gaussian, rademacher and uniform " + other);
            refuse(given("--epsilon") && method.estimator != EstimatorKind::coordinate, "--epsilon", other);
            if (method.estimator == EstimatorKind::first_order) {
                refuse(given("--queries"), "--queries", other);
                refuse(method.window != 0, "--window", other);
                refuse(method.normalize, "--normalize", other);
                refuse(method.update == UpdateKind::sign_scalar, "--update", "sign-scalar " + other);
            }
        }
    }

    /// What no option can know alone.
    void check() const {
        const Options& o = options_;
        const auto require = [](bool valid, const char* option, const std::string& reason) {
            if (!valid) throw UsageError(option, reason);
        };
        require(!o.steps || !o.forwards, "--forwards", "is given together with --steps");
        o.require_a_step();
        check_method();
        check_plot();
        check_files_differ();
        if (o.built_in()) {
            for (const char* name : {"--tokenizer", "--adapter", "--task", "--train", "--eval", "--prompt", "--verbalizer", "--scheme", "--save", "--save-every", "--save-diverged", "--validation", "--plan", "--recommended"}) {
                require(!line_.given(name), name, "needs --model");
            }
            return;
        }
        require(!o.tokenizer.empty(), "--model", "needs --tokenizer");
        require(!o.train.empty() || !o.eval.empty() || o.generate > 0, "--model", "nothing to do: give --train, --eval or --generate");
        for (const char* name : {"--save", "--metrics", "--plot", "--validation", "--plan", "--recommended"}) {
            require(!o.train.empty() || !line_.given(name), name, "needs --train");
        }
        require(!o.train.empty() || o.step_count(0) == 0, o.steps ? "--steps" : "--forwards", "needs --train");
        require(!o.train.empty() || !o.eval.empty() || o.json.empty(), "--json", "needs --train or --eval");
        require(!o.save.empty() || o.save_every == 0, "--save-every", "needs --save");
        require(!o.save.empty() || !o.save_diverged, "--save-diverged", "needs --save");
        const bool adapters = o.method.tuning.adapters() != llama::Adapters{};
        const bool merges = !adapters || o.method.tuning.scheme == Scheme::lora;
        require(merges || o.save.empty() || o.saves_adapters(), "--save", "a checkpoint holds no prefix and no prompt; give a name that ends in .safetensors");
        require(adapters || !o.saves_adapters(), "--save", "safetensors files are for --scheme lora, prefix and prompt; a checkpoint has another name");
        for (const char* name : {"--rank", "--alpha", "--prefix-tokens", "--prompt-tokens"}) {
            require(o.adapter.empty() || !line_.given(name), name, "is that of the file of --adapter");
        }
        require(o.adapter.empty() || o.train.empty() || adapters, "--adapter", "needs --scheme lora, prefix or prompt");
        if (o.task == TaskKind::classify) {
            require(!o.eval.empty() || o.validation, "--task", "classify needs --eval");
            require(!o.verbalizer.empty(), "--task", "classify needs --verbalizer");
            require(o.prompt.find("{}") == o.prompt.rfind("{}"), "--prompt", "has more than one {}");
        } else {
            require(o.verbalizer.empty(), "--verbalizer", "needs --task classify");
        }
    }

    void check_plot() const {
        const std::string& name = options_.plot;
        if (name.empty() || name.ends_with(".svg")) return;
        if (!name.ends_with(".png")) throw UsageError("--plot", "\"" + name + "\" ends in neither .svg nor .png");
        if (!report::has_png()) throw UsageError("--plot", "this program was built without cairo, which writes PNG; give a name that ends in .svg");
    }

    void check_files_differ() const {
        const Options& o = options_;
        program::require_distinct_files({{"--model", o.model}, {"--tokenizer", o.tokenizer}, {"--adapter", o.adapter}, {"--train", o.train}, {"--eval", o.eval}},
                                        {{"--save", o.save}, {"--metrics", o.metrics}, {"--plot", o.plot}, {"--json", o.json}});
    }

    Options& options_;
    program::CommandLine line_{"finetune", description, footer};
};

}  // namespace

std::variant<Options, Message> read_options(int argc, const char* const* argv) {
    Options options;
    return Reader(options).read(argc, argv);
}

}  // namespace finetune
