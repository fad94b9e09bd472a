// The program as its user sees it, with a stand-in for finetune: a shell script that notes its calls.

#include "folder.hpp"

#include <zo_bench/csv.hpp>

#include <catch2/catch_test_macros.hpp>

#include <map>

#include <sys/stat.h>

namespace {

namespace fs = std::filesystem;
using zo_bench::Children;

/// Its loss is least at a learning rate of 0.0006. The scheme prompt is refused, momentum dies, conservative says nothing; while the
/// file "wait" is there, runs of seed 2 wait.
constexpr const char* stand_in = R"sh(#!/bin/sh
cd "$(dirname "$0")"
passes=100
echo "$*" >> calls
while [ $# -gt 0 ]; do
    case $1 in
        --json) json=$2 ;;
        --metrics) metrics=$2 ;;
        --learning-rate) rate=$2 ;;
        --scheme) scheme=$2 ;;
        --update) update=$2 ;;
        --seed) seed=$2 ;;
        --recommended) rate=0.00036 passes=64 ;;
    esac
    shift
done
if [ "$scheme" = prompt ]; then
    echo "step 1/2  loss 3" >&2
    echo "finetune: --scheme: \"prompt\" is not one of full|lora" >&2
    exit 2
fi
[ "$update" = momentum ] && kill -9 $$
[ "$update" = conservative ] && exit 0
if [ "$seed" = 2 ]; then
    echo $$ >> waiting
    while [ -e wait ]; do sleep 0.02; done
fi
loss=$(awk "BEGIN { d = log($rate / 0.00036); print 2 + d * d + $seed / 100 }")
[ "$update" = sign ] && loss=null
if [ -n "$metrics" ]; then
    printf 'step,forward_passes,loss,learning_rate,seconds,eval_loss,eval_accuracy\n0,0,,,0,5,\n50,%s,3,%s,1.5,%s,\n' "$passes" "$rate" "$loss" > "$metrics"
fi
cat > "$json" <<END
{"eval_loss_before": 5, "eval_loss_after": $loss, "accuracy_before": null, "accuracy_after": null, "forward_passes": $passes, "learning_rate": $rate, "seconds": 1.5,
 "optimizer_seconds": 0.1, "peak_rss_bytes": 9, "inference_rss_bytes": 8, "peak_bytes": 3000000, "planned_peak_bytes": 2000000,
 "inference_bytes": 1000000, "weights_crc32c": "00000000"}
END
)sh";

/// What a study works on, with the stand-in, and its results in "out".
class Place {
public:
    Place() {
        const llama::Config config{.dim = 8, .hidden = 8, .layers = 2, .heads = 2, .kv_heads = 1, .vocab = 16, .sequence = 8};
        llama::write_checkpoint(folder_ / "model.bin", llama::Model<float>::random(config, 1));
        write(folder_ / "tokenizer.bin", "tokens");
        write(folder_ / "text.txt", "text");
        write(folder_ / "finetune", stand_in);
        ::chmod(folder_("finetune").c_str(), 0755);
    }

    fs::path operator/(const std::string& name) const { return folder_ / name; }

    void start(Children& children, const std::vector<std::string>& more) const {
        std::vector<std::string> words = {ZO_BENCH_PROGRAM, "--model", folder_("model.bin"), "--tokenizer", folder_("tokenizer.bin"), "--text",
                                          folder_("text.txt"), "--finetune", folder_("finetune"), "--output", folder_("out"), "--forwards", "100"};
        words.insert(words.end(), more.begin(), more.end());
        children.start(words, folder_("errors"));
    }

    int run(const std::vector<std::string>& more) const {
        Children children;
        start(children, more);
        return wait_for(children);
    }

    /// How often each run was begun.
    std::map<std::string, int> calls() const {
        std::map<std::string, int> calls;
        for (const std::string& line : lines_of(read(folder_ / "calls"))) ++calls[line];
        return calls;
    }

    std::vector<std::string> runs() const { return lines_of(read(folder_ / "out/runs.csv")); }
    std::string table() const { return read(folder_ / "out/table.md"); }

private:
    Folder folder_;
};

/// Waits until a file has a number of lines.
void wait_for_lines(const fs::path& file, std::size_t count) {
    for (int i = 0; i < 2000 && lines_of(read(file)).size() < count; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    REQUIRE(lines_of(read(file)).size() >= count);
}

}  // namespace

TEST_CASE("A study is made, and made once") {
    const Place place;
    const std::vector<std::string> study = {"--methods", "zo-sgd,adam,fo-sgd", "--schemes", "full,head", "--jobs", "2", "--seeds", "2"};
    REQUIRE(place.run(study) == 0);
    const std::size_t calls = place.calls().size();
    CHECK(place.runs().size() == calls + 1);
    for (const auto& [call, count] : place.calls()) {
        CHECK(count == 1);
        // The search sees the validation part alone, the final runs the test part.
        CHECK((call.find("--validation") == std::string::npos) == (call.find("--metrics") != std::string::npos));
    }
    const std::string table = place.table();
    CHECK(table.find("| ZO-SGD | 0.00036 | 2.0") != std::string::npos);
    CHECK(table.find("3.00 MB | 2.00 MB | 1.50 |") != std::string::npos);
    for (const char* name : {"loss_forwards_text_full.svg", "loss_seconds_text_head.svg", "loss_memory_text.svg"}) {
        CHECK(read(place / ("out/" + std::string(name))).ends_with("</svg>\n"));
    }
    CHECK(!fs::exists(place / "out/.zo_bench_running"));
    CHECK(std::distance(fs::directory_iterator(place / "out/curves"), {}) == 3 * 2 * 2);

    CHECK(place.run(study) == 0);
    CHECK(place.calls().size() == calls);
    CHECK(place.table() == table);
    // A larger study makes what is new.
    CHECK(place.run({"--methods", "zo-sgd,adam,fo-sgd", "--schemes", "full,head", "--jobs", "2", "--seeds", "3"}) == 0);
    CHECK(place.calls().size() == calls + 3 * 2);
    for (const auto& [call, count] : place.calls()) CHECK(count == 1);
}

TEST_CASE("A recorded command makes its run") {
    const Place place;
    REQUIRE(place.run({"--methods", "zo-sgd", "--schemes", "full", "--rates", "1", "--seeds", "1"}) == 0);
    const std::string command = zo_bench::split_csv(place.runs().at(1)).value().at(17);
    CHECK(std::system((command + " --json '" + (place / "again.json").string() + "'").c_str()) == 0);
    CHECK(read(place / "again.json").find("\"eval_loss_after\": 3.2") != std::string::npos);
}

TEST_CASE("A study with more batches makes what is new, and shows the loss against tokens") {
    const Place place;
    const auto study = [](const char* batches) {
        return std::vector<std::string>{"--methods", "zo-sgd", "--schemes", "full", "--seeds", "2", "--batch", batches};
    };
    REQUIRE(place.run(study("16")) == 0);
    const std::size_t calls = place.calls().size();
    CHECK(calls == 4 + 2);
    REQUIRE(place.run(study("16,4")) == 0);
    // From half the rate the search goes one point further.
    CHECK(place.calls().size() == calls + 5 + 2);
    for (const auto& [call, count] : place.calls()) CHECK(count == 1);
    const std::string table = place.table();
    INFO(table);
    CHECK(table.find("| ZO-SGD, batch 16 | 0.00036 | 2.0") != std::string::npos);
    CHECK(table.find("| ZO-SGD, batch 4 | 0.00054 | 2.") != std::string::npos);
    const std::string plot = read(place / "out/loss_tokens_text_full.svg");
    for (const char* title : {"ZO-SGD, batch 16", "ZO-SGD, batch 4"}) CHECK(plot.find(title) != std::string::npos);
}

TEST_CASE("What finding a rate takes is of the budget") {
    const Place place;
    REQUIRE(place.run({"--methods", "recommended", "--schemes", "full", "--seeds", "1"}) == 0);
    REQUIRE(place.runs().size() == 2);
    const std::vector<std::string> fields = zo_bench::split_csv(place.runs()[1]).value();
    CHECK(fields.at(5) == "0.00036");
    CHECK(fields.at(6) == "100");
    CHECK(place.table().find("| FZOO, recommended | 0.00036 (its own) | ") != std::string::npos);
    const std::vector<std::string> curve = lines_of(read(fs::directory_iterator(place / "out/curves")->path()));
    REQUIRE(curve.size() == 3);
    CHECK(curve[1].starts_with("36,"));
    CHECK(curve[2].starts_with("100,"));
}

TEST_CASE("Runs that fail are recorded and shown, and do not stop the others") {
    const Place place;
    const std::vector<std::string> study = {"--methods", "zo-sgd,momentum,conservative,sign", "--schemes", "full,prompt", "--seeds", "1"};
    CHECK(place.run(study) == 1);
    const std::string table = place.table();
    INFO(table);
    CHECK(table.find("| ZO-SGD | 2.0") != std::string::npos);
    CHECK(table.find("failed: --scheme: \"prompt\" is not one of full\\|lora") != std::string::npos);
    CHECK(table.find("failed: ended by signal 9") != std::string::npos);
    CHECK(table.find("failed: it ended well and left no figures") != std::string::npos);
    CHECK(table.find("diverged at every learning rate") != std::string::npos);

    const std::size_t calls = place.calls().size();
    CHECK(place.run(study) == 1);
    CHECK(place.calls().size() == calls);
    for (const auto& [call, count] : place.calls()) CHECK(count == 1);
    CHECK(place.run({"--methods", "zo-sgd,momentum", "--schemes", "full", "--seeds", "1", "--retry"}) == 1);
    for (const auto& [call, count] : place.calls()) {
        const bool again = call.find("momentum") != std::string::npos && call.find("--scheme full") != std::string::npos;
        CHECK(count == (again ? 2 : 1));
    }
}

TEST_CASE("A study that is killed goes on where it was") {
    const Place place;
    const std::vector<std::string> study = {"--methods", "zo-sgd,adam", "--schemes", "full", "--jobs", "2", "--seeds", "3"};
    write(place / "wait", "");
    std::map<std::string, int> before;
    {
        Children children;
        place.start(children, study);
        wait_for_lines(place / "waiting", 2);
        const std::vector<std::string> waiting = lines_of(read(place / "waiting"));
        REQUIRE(::kill(children.running().front(), SIGKILL) == 0);
        CHECK(wait_for(children) == -1);
        for (const std::string& child : waiting) ::kill(std::stoi(child), SIGKILL);
    }
    before = place.calls();
    const std::string recorded = read(place / "out/runs.csv");
    CHECK(lines_of(recorded).size() == before.size() - 2 + 1);
    write(place / "out/runs.csv", recorded + "text,full,adam,fin");
    fs::remove(place / "wait");

    CHECK(place.run(study) == 0);
    CHECK(read(place / "out/runs.csv").starts_with(recorded));
    for (const auto& [call, count] : place.calls()) CHECK(count == (call.find("--seed 2 ") != std::string::npos ? 2 : 1));
    CHECK(place.runs().size() == place.calls().size() + 1);
    CHECK(place.table().find("not made yet") == std::string::npos);
    CHECK(!fs::exists(place / "out/.zo_bench_running"));
}

TEST_CASE("A file that is replaced by another of its name makes its runs anew") {
    const Place place;
    const std::vector<std::string> study = {"--methods", "zo-sgd", "--schemes", "full", "--rates", "1", "--seeds", "1"};
    const auto calls = [&] { return lines_of(read(place / "calls")).size(); };
    REQUIRE(place.run(study) == 0);
    REQUIRE(place.run(study) == 0);
    CHECK(calls() == 1);
    write(place / "text.txt", "another text");
    REQUIRE(place.run(study) == 0);
    CHECK(calls() == 2);
    write(place / "text.txt", "text");
    REQUIRE(place.run(study) == 0);
    CHECK(calls() == 2);
}

TEST_CASE("A study does not write over what it reads") {
    const Place place;
    fs::create_directory(place / "out");
    fs::create_hard_link(place / "text.txt", place / "out/table.md");
    CHECK(place.run({"--methods", "zo-sgd"}) == 2);
    CHECK(read(place / "errors").find("is also the file of --text") != std::string::npos);
    CHECK(read(place / "text.txt") == "text");
    fs::remove_all(place / "out");
    fs::create_directories(place / "out/.zo_bench_running");
    fs::rename(place / "text.txt", place / "out/.zo_bench_running/text.txt");
    fs::create_symlink("out/.zo_bench_running/text.txt", place / "text.txt");
    CHECK(place.run({"--methods", "zo-sgd"}) == 2);
    CHECK(read(place / "text.txt") == "text");
}

TEST_CASE("Ctrl-C ends the runs under way and reports what is done") {
    const Place place;
    const std::vector<std::string> study = {"--methods", "zo-sgd,adam", "--schemes", "full", "--jobs", "2", "--seeds", "2"};
    write(place / "wait", "");
    Children children;
    place.start(children, study);
    wait_for_lines(place / "waiting", 2);
    REQUIRE(::kill(children.running().front(), SIGINT) == 0);
    CHECK(wait_for(children) == 130);
    for (const std::string& waiting : lines_of(read(place / "waiting"))) CHECK(::kill(std::stoi(waiting), 0) != 0);
    CHECK(place.table().find("1 of 2 runs not made yet") != std::string::npos);
    fs::remove(place / "wait");
    CHECK(place.run(study) == 0);
    CHECK(place.table().find("not made yet") == std::string::npos);
}

TEST_CASE("What cannot be begun is said in a line, and nothing is written") {
    const Place place;
    const auto check = [&](const std::vector<std::string>& more, const std::string& part) {
        CHECK(place.run(more) == 2);
        const std::string error = read(place / "errors");
        INFO(error);
        CHECK(error.starts_with("zo_bench: "));
        CHECK(lines_of(error).size() == 1);
        CHECK(error.find(part) != std::string::npos);
        CHECK(!fs::exists(place / "out"));
    };
    check({"--methods", "none"}, "--methods");
    check({"--sentences", "/none/a", "/none/b", "--verbalizer", "a,b"}, "--sentences: /none/a is not a file");
    fs::remove(place / "finetune");
    check({}, "--finetune");
    write(place / "finetune", stand_in);
    check({}, "--finetune");
    ::chmod((place / "finetune").c_str(), 0755);
    write(place / "model.bin", "none");
    check({}, "model.bin");
}
