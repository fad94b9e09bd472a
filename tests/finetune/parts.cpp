// The program's parts: tasks, batches, options, and what it shows and measures.

#include <finetune/classify.hpp>
#include <finetune/language.hpp>
#include <finetune/options.hpp>
#include <finetune/task.hpp>
#include <finetune/text.hpp>
#include <report/chart.hpp>
#include <report/crc32c.hpp>
#include <report/format.hpp>
#include <report/memory.hpp>
#include <report/plot.hpp>
#include <report/series.hpp>
#include <report/table.hpp>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstring>
#include <set>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

using namespace finetune;

namespace {

/// 259 tokens: three marks and a token for each byte.
llama::Tokenizer byte_tokenizer() {
    std::vector<llama::Tokenizer::Piece> pieces = {{"<unk>"}, {"<s>"}, {"</s>"}};
    for (int byte = 0; byte < 256; ++byte) {
        constexpr char digits[] = "0123456789ABCDEF";
        pieces.push_back({std::string("<0x") + digits[byte / 16] + digits[byte % 16] + ">"});
    }
    return llama::Tokenizer(std::move(pieces));
}

llama::Config small(int vocab) {
    return {.dim = 16, .hidden = 24, .layers = 2, .heads = 2, .kv_heads = 1, .vocab = vocab, .sequence = 32};
}

}  // namespace

TEST_CASE("Batch numbers depend on seed, step and place, and fill their range evenly") {
    const BatchNumbers numbers(7);
    CHECK(numbers(3, 2, 1000) == BatchNumbers(7)(3, 2, 1000));
    CHECK(numbers(3, 2, std::size_t{1} << 60) != numbers(3, 3, std::size_t{1} << 60));
    CHECK(numbers(3, 2, std::size_t{1} << 60) != numbers(4, 2, std::size_t{1} << 60));
    CHECK(numbers(3, 2, std::size_t{1} << 60) != BatchNumbers(8)(3, 2, std::size_t{1} << 60));
    CHECK(numbers(5, 0, 1) == 0);
    constexpr std::size_t bins = 10, draws = 100'000;
    std::vector<double> counts(bins);
    for (std::size_t i = 0; i < draws; ++i) {
        const std::size_t number = numbers(i, 0, bins);
        REQUIRE(number < bins);
        counts[number] += 1;
    }
    const double expected = double{draws} / bins, sigma = std::sqrt(expected * (1 - 1.0 / bins));
    for (const double count : counts) CHECK(std::abs(count - expected) < 5 * sigma);
}

TEST_CASE("Even chunks leave out the rest; a document's chunks count every token but the first once") {
    std::vector<int> tokens(10);
    for (int i = 0; i < 10; ++i) tokens[static_cast<std::size_t>(i)] = i;
    Chunks even;
    even.add_even(tokens, 4);
    const auto pairs = even.sequences();
    REQUIRE(pairs.size() == 2);
    CHECK(pairs[1].tokens.front() == 4);
    CHECK(pairs[1].tokens.size() == 4);

    Chunks document;
    document.add_document(tokens, 4);
    std::vector<int> targets;
    for (const llama::Sequence& sequence : document.sequences()) {
        CHECK(sequence.inputs() <= 4);
        targets.insert(targets.end(), sequence.tokens.begin() + 1, sequence.tokens.end());
    }
    CHECK(targets == std::vector<int>(tokens.begin() + 1, tokens.end()));
}

TEST_CASE("A text is cut between characters and documents at their ends") {
    CHECK(character_boundary("a\xC3\xA4z", 2) == 1);
    CHECK(character_boundary("a\xC3\xA4z", 3) == 3);
    CHECK(character_boundary("abc", 9) == 3);
    const llama::Tokenizer tokenizer = byte_tokenizer();
    const auto documents = encode_documents(tokenizer, "\nab\n<|endoftext|>\n\n<|endoftext|>\nc d\n");
    REQUIRE(documents.size() == 2);
    CHECK(documents[0] == tokenizer.encode("ab", {.start = true}));
    CHECK(documents[1] == tokenizer.encode("c d", {.start = true}));
    CHECK(encode_stream(tokenizer, "ab") == tokenizer.encode("ab"));
    CHECK(encode_stream(tokenizer, "ab<|endoftext|>") == documents[0]);
}

TEST_CASE("The loss of a text task is that of the batch it has drawn") {
    const llama::Model<float> model = llama::Model<float>::random(small(20), 1);
    std::vector<int> tokens(200);
    for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<int>(3 + i * i % 17);
    Chunks chunks;
    chunks.add_even(tokens, 16);
    TextTask task(model, 1, tokens, std::move(chunks), {.batch = 3, .length = 16}, 1);
    task.draw(0);
    const double first = task.loss();
    REQUIRE(task.batch().size() == 3);
    for (const llama::Sequence& sequence : task.batch()) CHECK(sequence.targets() == 16);
    CHECK(first == llama::Forward<float>(model, 1).loss(task.batch()));
    task.draw(1);
    CHECK(task.loss() != first);
    task.draw(0);
    CHECK(task.loss() == first);
    CHECK(task.evaluate().loss == Catch::Approx(std::log(20.0)).margin(0.1));
    CHECK_FALSE(task.evaluate().accuracy.has_value());
}

TEST_CASE("A prompt puts a sentence in its place") {
    CHECK(Prompt("").fill("good") == "good");
    CHECK(Prompt(" It was").fill("good") == "good It was");
    CHECK(Prompt("Is {} good?").fill("it") == "Is it good?");
}

TEST_CASE("Labels are scored by the log-probability of their words") {
    const llama::Tokenizer tokenizer = byte_tokenizer();
    const llama::Model<float> model = llama::Model<float>::random(small(259), 1);
    const Verbalizer words(tokenizer, {"no", "yes!"});
    CHECK(words.longest() == 5);
    CHECK_THROWS_AS(Verbalizer(tokenizer, {"a", "b", "a"}), std::invalid_argument);
    LabelledSentences sentences;
    sentences.add(tokenizer.encode("good", {.start = true}), 1);
    sentences.add(tokenizer.encode("bad", {.start = true}), 0);

    // The same by hand, one sequence at a time.
    llama::Forward<float> forward(model, 1);
    double loss = 0, right = 0;
    for (std::size_t i = 0; i < sentences.size(); ++i) {
        double scores[2];
        for (std::size_t label = 0; label < 2; ++label) {
            std::vector<int> tokens(sentences[i].tokens.begin(), sentences[i].tokens.end());
            const int first = static_cast<int>(tokens.size());
            tokens.insert(tokens.end(), words[label].begin(), words[label].end());
            const llama::Sequence sequence{tokens, first};
            scores[label] = -forward.loss(std::span(&sequence, 1)) * static_cast<double>(words[label].size());
        }
        const std::size_t label = sentences[i].label;
        loss -= scores[label] - std::log(std::exp(scores[0]) + std::exp(scores[1]));
        right += scores[label] > scores[1 - label] ? 1 : 0;
    }
    ClassifyTask task(model, 1, words, sentences, sentences, {.batch = 2, .length = 16}, 1);
    CHECK(task.evaluate().loss == Catch::Approx(loss / 2).epsilon(1e-5));
    CHECK(task.evaluate().accuracy == right / 2);
}

TEST_CASE("The made-up language keeps its words and changes their order") {
    const Language language;
    const auto original = language.write(Language::Form::original, 5000, 1), changed = language.write(Language::Form::changed, 5000, 1);
    CHECK(original == language.write(Language::Form::original, 5000, 1));
    CHECK(original != changed);
    const auto kinds = [](const std::vector<int>& words) { return std::set<int>(words.begin(), words.end()); };
    CHECK(kinds(original) == kinds(changed));
    CHECK(*kinds(original).rbegin() < language.vocabulary());
    CHECK(*kinds(original).begin() > 2);
}

TEST_CASE("The command line is read in full") {
    const auto read = [](std::vector<const char*> arguments) {
        arguments.insert(arguments.begin(), "finetune");
        return read_options(static_cast<int>(arguments.size()), arguments.data());
    };
    const auto options = std::get<Options>(read({"--model", "m", "--tokenizer", "t", "--train", "x", "--forwards", "12", "--queries", "3", "--schedule",
                                                 "linear:40", "--direction", "sphere", "--learning-rate", "2e-3"}));
    CHECK(options.method.forward_passes_per_step() == 6);
    CHECK(options.step_count(1) == 2);
    CHECK(options.method.schedule.kind == ScheduleKind::linear);
    CHECK(options.method.schedule.warm_up == 40);
    CHECK(options.method.direction == DirectionKind::sphere);
    CHECK(options.learning_rate == 2e-3);
    CHECK(std::get<Options>(read({})).built_in());

    const std::string help = std::get<Message>(read({"--help"})).text;
    for (const char* name : {"--model",    "--tokenizer", "--task",          "--train",    "--eval",         "--prompt",   "--verbalizer", "--scheme", "--estimator",
                             "--direction", "--update",   "--queries",       "--epsilon",  "--learning-rate", "--schedule", "--weight-decay", "--batch", "--length",
                             "--steps",    "--forwards",  "--eval-every",    "--seed",     "--threads",      "--save",     "--metrics",    "--plot",   "--json",
                             "--generate", "--temperature", "--rank", "--alpha", "--prefix-tokens", "--prompt-tokens", "--mask", "--mask-every", "--hybrid",
                             "--first-order-rate", "--accumulate", "--reuse-activations", "--validation", "--plan", "--adapter", "--weights"}) {
        INFO(name);
        CHECK(help.find(std::string("  ") + name + " ") != std::string::npos);
    }
}

TEST_CASE("CRC-32C has its published values") {
    const char* digits = "123456789";
    CHECK(report::crc32c(std::as_bytes(std::span(digits, std::strlen(digits)))) == 0xE3069283u);
    const std::vector<std::byte> zeros(32);
    CHECK(report::crc32c(zeros) == 0x8A9136AAu);  // RFC 3720, B.4
    CHECK(report::crc32c(std::span(zeros).subspan(10), report::crc32c(std::span(zeros).first(10))) == 0x8A9136AAu);
    CHECK(report::crc32c_text(std::vector<float>(8)) == "8a9136aa");
}

TEST_CASE("Numbers are written for people") {
    CHECK(report::grouped(0) == "0");
    CHECK(report::grouped(999) == "999");
    CHECK(report::grouped(1234567) == "1,234,567");
    CHECK(report::bytes(950) == "950 B");
    CHECK(report::bytes(12'340) == "12.3 KB");
    CHECK(report::bytes(999'700) == "1.00 MB");
    CHECK(report::duration(4.204) == "4.20 s");
    CHECK(report::duration(65) == "1:05 min");
    CHECK(report::duration(7810) == "2:10:10 h");
    CHECK(report::general(2.5e-4, 3) == "0.00025");
}

TEST_CASE("A series keeps its course in bounded memory") {
    report::Series series("s", 64);
    for (int i = 0; i < 100'000; ++i) series.add(i, 2.0 * i);
    CHECK(series.points().size() <= 64);
    CHECK(series.points().size() >= 31);
    for (const auto& point : series.points()) CHECK(point.y == Catch::Approx(2 * point.x));
    CHECK(series.points().front().x < 100'000 / 31);
}

TEST_CASE("Charts and plots draw what they are given") {
    report::Series series("a <b>");
    for (int i = 0; i < 10; ++i) series.add(i, 5 - 0.3 * i);
    const report::ChartSeries curve{&series, '*'};
    const std::string chart = report::text_chart(std::span(&curve, 1), "steps");
    CHECK(std::count(chart.begin(), chart.end(), '*') == 11);
    CHECK(report::text_chart({}, "steps").empty());

    report::Plot plot{"t", "x", "y", {{.series = &series, .dots = true}}};
    std::ostringstream svg;
    plot.write(svg, report::Plot::Format::svg);
    CHECK(svg.str().starts_with("<svg "));
    CHECK(svg.str().ends_with("</svg>\n"));
    CHECK(svg.str().find("a &lt;b&gt;") != std::string::npos);
    report::Series broken("broken");
    broken.add(0, std::nan(""));
    plot.curves = {{.series = &broken}};
    std::ostringstream empty;
    plot.write(empty, report::Plot::Format::svg);
    CHECK(empty.str().find("nan") == std::string::npos);
}

TEST_CASE("A table has even columns") {
    report::Table table({"", "before"});
    table.add({"loss", "5.0"});
    CHECK(table.text() == "         before\n  -------------\n  loss      5.0\n");
}

TEST_CASE("The high-water mark of memory sees what was held for a moment, from its restart on") {
    if (report::resident_bytes() == 0) SKIP("this system does not say how much memory is resident");
    constexpr std::size_t size = std::size_t{32} << 20;
    const auto hold = [] {
        std::vector<char> held(size, 1);
        asm volatile("" : : "r"(held.data()) : "memory"); // so that no compiler leaves it out
        return held.back();
    };
    report::ResidentPeak peak;
    if (!peak.exact()) SKIP("the mark cannot be set back here");
    const std::size_t before = peak.bytes();
    CHECK(hold() == 1);
    CHECK(peak.bytes() >= before + size / 2);
    report::release_freed_memory();
    // A checked allocator (AddressSanitizer's) keeps what was freed: then there is nothing to see.
    if (report::resident_bytes() >= before + size / 2) SKIP("the allocator does not give memory back");
    peak.restart();
    CHECK(peak.bytes() < before + size / 2);
}
