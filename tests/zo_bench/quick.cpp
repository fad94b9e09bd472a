// The quick study, with the real finetune on real data.

#include "folder.hpp"

#include <data_file.hpp>
#include <zo_bench/csv.hpp>
#include <zo_bench/methods.hpp>

#include <catch2/catch_test_macros.hpp>

// A test of its own: it takes a minute.
TEST_CASE("The quick study makes a run of every method and of every scheme", "[.][quick]") {
    const auto model = data_file("stories260K/stories260K.bin"), tokenizer = data_file("stories260K/tok512.bin");
    const auto text = data_file("text/tinyshakespeare.txt"), train = data_file("sst2/train.tsv"), dev = data_file("sst2/dev.tsv");
    if (model.empty() || tokenizer.empty() || text.empty() || train.empty() || dev.empty()) SKIP("the data set is not there");
    const Folder folder;
    zo_bench::Children children;
    children.start({ZO_BENCH_PROGRAM, "--model", model.string(), "--tokenizer", tokenizer.string(), "--text", text.string(), "--sentences",
                    train.string(), dev.string(), "--prompt", " It was", "--verbalizer", "terrible,great", "--quick", "--output", folder("out")},
                   folder("errors"));
    const int status = wait_for(children);
    INFO(read(folder / "errors"));

    const std::vector<std::string> runs = lines_of(read(folder / "out/runs.csv"));
    CHECK(runs.size() == 1 + 2 * (zo_bench::all_methods().size() + 2 * (zo_bench::scheme_count - 1)));
    for (std::size_t i = 1; i < runs.size(); ++i) {
        INFO(runs[i]);
        const auto fields = zo_bench::split_csv(runs[i]);
        REQUIRE(fields);
        CHECK(fields->at(16) == "done");
        CHECK(zo_bench::read_number(fields->at(7)).value_or(0) > 0);
        CHECK(zo_bench::read_number(fields->at(8)).value_or(0) > 0);
    }
    CHECK(status == 0);
    const std::string table = read(folder / "out/table.md");
    for (const zo_bench::Method& method : zo_bench::all_methods()) CHECK(table.find("| " + std::string(method.title) + " |") != std::string::npos);
    for (const char* name : {"loss_forwards_text_full.svg", "loss_tokens_text_full.svg", "loss_seconds_classify_full.svg", "loss_forwards_text_head.svg"}) {
        CHECK(read(folder / ("out/" + std::string(name))).ends_with("</svg>\n"));
    }
}
