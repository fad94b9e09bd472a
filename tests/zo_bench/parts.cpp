// The study's parts: the methods' table, the command line, the search, the journal and the tables.

#include "folder.hpp"

#include <files/file_error.hpp>
#include <report/plot.hpp>
#include <zo_bench/csv.hpp>
#include <zo_bench/curve.hpp>
#include <zo_bench/grid.hpp>
#include <zo_bench/journal.hpp>
#include <zo_bench/methods.hpp>
#include <zo_bench/options.hpp>
#include <zo_bench/rate_search.hpp>
#include <zo_bench/results.hpp>
#include <zo_bench/study.hpp>
#include <zo_bench/tables.hpp>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>
#include <variant>

using namespace zo_bench;

namespace {

std::variant<Options, Message> read_words(std::vector<const char*> words) {
    words.insert(words.begin(), "zo_bench");
    return read_options(static_cast<int>(words.size()), words.data());
}

Options options_of(std::vector<const char*> words) {
    words.insert(words.end(), {"--model", "m.bin", "--tokenizer", "t.bin", "--finetune", "/programs/finetune"});
    return std::get<Options>(read_words(words));
}

void check_refused(const std::vector<const char*>& words, const std::string& part) {
    try {
        static_cast<void>(read_words(words));
        FAIL("accepted: " << part);
    } catch (const UsageError& error) {
        INFO(error.what());
        CHECK(std::string(error.what()).find(part) != std::string::npos);
    }
}

/// A record of a run, with figures that tell its seed.
Record record_of(const Run& run, double loss) {
    const auto seed = static_cast<double>(run.seed);
    return {.task = run.cell->task,
            .scheme = run.cell->scheme,
            .method = std::string(run.cell->method->name),
            .phase = run.phase,
            .seed = run.seed,
            .learning_rate = run.learning_rate,
            .forward_passes = 100,
            .loss_before = 5,
            .loss_after = loss,
            .seconds = seed,
            .optimizer_seconds = seed / 100,
            .peak_bytes = 3e6,
            .planned_bytes = 2e6,
            .inference_bytes = 1e6,
            .status = "done",
            .command = run.command,
            .batch = static_cast<double>(run.cell->batch),
            .tokens = 6400};
}

/// Makes every run that a grid asks for, `loss` of each.
template <class Loss>
void make_all(const Grid& grid, Journal& journal, Loss loss) {
    for (const Cell& cell : grid.cells()) {
        for (CellState state = grid.state(cell, journal); !state.missing.empty(); state = grid.state(cell, journal)) {
            for (const Run& run : state.missing) journal.add(record_of(run, loss(run)));
        }
    }
}

}  // namespace

TEST_CASE("Every method has a name, a title and a command line of its own") {
    std::set<std::string_view> names, titles, options;
    for (const Method& method : all_methods()) {
        names.insert(method.name);
        titles.insert(method.title);
        options.insert(method.options);
        CHECK(find_method(method.name) == &method);
        CHECK(method.passes > 0);
        for (const std::string_view scheme : schemes) {
            CHECK((method.usual_rate("text", scheme) > 0) != method.own_rate);
            CHECK((method.usual_rate("classify", scheme) > 0) != method.own_rate);
        }
        for (const std::string& word : method.arguments()) CHECK(!word.empty());
    }
    CHECK(names.size() == all_methods().size());
    CHECK(titles.size() == all_methods().size());
    CHECK(options.size() == all_methods().size());
    CHECK(find_method("none") == nullptr);
}

TEST_CASE("Every run of a grid has a command line of its own, and files of its own") {
    const Grid grid(options_of({"--text", "a.txt", "--sentences", "b.tsv", "c.tsv", "--verbalizer", "bad,good"}), 5);
    CHECK(grid.cells().size() == 2 * (scheme_count * all_methods().size() - 2));  // no hybrid of a prompt or a head
    const Folder folder;
    Journal journal(folder / "runs.csv");
    std::set<std::string> commands, names;
    std::size_t count = 0;
    for (const Cell& cell : grid.cells()) {
        const CellState state = grid.state(cell, journal);
        CHECK(state.missing.size() == 3);
        CHECK(state.left == (cell.method->own_rate ? 3 : 6));
        for (const Run& run : state.missing) {
            ++count;
            commands.insert(run.command);
            names.insert(run.name());
        }
    }
    CHECK(commands.size() == count);
    CHECK(names.size() == count);
}

TEST_CASE("A run's command says all that makes it") {
    const Grid grid(options_of({"--sentences", "/d/b.tsv", "/d/c.tsv", "--verbalizer", "bad,good", "--prompt", " It's", "--methods", "fo-adam,adam",
                                "--schemes", "head", "--forwards", "600", "--rates", "1", "--seeds", "2", "--length", "64"}),
                    5);
    const Folder folder;
    Journal journal(folder / "runs.csv");
    const CellState first_order = grid.state(grid.cells().at(0), journal);
    REQUIRE(first_order.missing.size() == 2);
    const std::string& command = first_order.missing[1].command;
    INFO(command);
    // A third of the passes: each step is worth three.
    CHECK(command.find(" --steps 200 ") != std::string::npos);
    CHECK(command.find("--forwards") == std::string::npos);
    CHECK(command.starts_with("/programs/finetune --model "));
    CHECK(command.find(" --task classify --train /d/b.tsv --eval /d/c.tsv --prompt ' It'\\''s' --verbalizer bad,good --scheme head ") != std::string::npos);
    CHECK(command.find(" --eval-every 10 --seed 2 --threads 1") != std::string::npos);
    CHECK(command.find("--validation") == std::string::npos);
    CHECK(grid.state(grid.cells().at(1), journal).missing[0].command.find(" --forwards 600 ") != std::string::npos);
}

TEST_CASE("A search takes the least finite loss, and goes on where it is the outermost") {
    std::map<int, RateResult> known;
    std::vector<int> order;
    const auto search = [&](std::size_t points, auto loss) {
        known.clear(), order.clear();
        while (true) {
            const RateSearch state = search_rate(points, [&](int exponent) {
                const auto place = known.find(exponent);
                return place == known.end() ? std::nullopt : std::optional(place->second);
            });
            if (state.missing.empty()) return state;
            for (const int exponent : state.missing) known[exponent] = loss(exponent), order.push_back(exponent);
        }
    };
    const auto bowl = [](int at) { return [at](int exponent) { return RateResult{false, std::abs(exponent - at + 0.1)}; }; };

    RateSearch state = search(3, bowl(0));
    CHECK(order == std::vector{-1, 0, 1});
    CHECK(state.best == 0);
    CHECK(!state.at_end);

    state = search(3, bowl(2));
    CHECK(order == std::vector{-1, 0, 1, 2, 3});
    CHECK(state.best == 2);
    CHECK(!state.at_end);

    // Twice at most: then it says that the best was the outermost.
    state = search(3, bowl(-7));
    CHECK(order == std::vector{-1, 0, 1, -2, -3});
    CHECK(state.best == -3);
    CHECK(state.at_end);

    CHECK(search(1, bowl(5)).best == 0);
    CHECK(order.empty());
    search(2, bowl(0));
    CHECK(order.front() == -1);
    CHECK(search(4, bowl(1)).best == 1);

    // What diverged or failed never wins; where all diverged, smaller rates are tried; where all failed, none.
    state = search(3, [](int exponent) { return RateResult{exponent == 1, exponent < 0 ? std::optional(4.0 - exponent) : std::nullopt}; });
    CHECK(state.best == -1);
    state = search(3, [](int) { return RateResult{}; });
    CHECK(order == std::vector{-1, 0, 1, -2, -3});
    CHECK(!state.best);
    state = search(3, [](int) { return RateResult{true, {}}; });
    CHECK(order == std::vector{-1, 0, 1});
    CHECK(!state.best);

    CHECK(rate_of(2e-4, 3, 0) == 2e-4);
    CHECK(rate_of(2e-4, 3, 2) == 1.8e-3);
    CHECK(rate_of(2e-4, 3, -1) == 6.67e-5);
    CHECK(rate_of(2e-4, 2, -1) == 1e-4);
}

TEST_CASE("CSV gives back what it was given") {
    const std::vector<std::string> fields = {"", "a b", "a,b", "say \"yes\"", "'it''s'", "\"", ","};
    CHECK(split_csv(join_csv(fields)) == fields);
    CHECK(join_csv({"a\nb", "c"}) == "a b,c");
    CHECK(!split_csv("a,\"b"));
    CHECK(number_text(0.1) == "0.1");
    CHECK(number_text(std::nan("")).empty());
    CHECK(read_number(number_text(1.0 / 3)) == 1.0 / 3);
    CHECK(!read_number("1x"));
    CHECK(!read_number(""));
}

TEST_CASE("A journal gives back its runs, and drops a torn last line") {
    const Folder folder;
    const Cell cell{"text", "full", find_method("adam")};
    const auto record = [&](const char* command, double loss) { return record_of(Run{.cell = &cell, .command = command}, loss); };
    {
        Journal journal(folder / "runs.csv");
        CHECK(journal.size() == 0);
        journal.add(record("finetune 'a, \"b\"'", 1));
        Record failed = record("c", 0);
        failed.loss_after.reset();
        failed.status = "failed: \"x\" is not one of a|b";
        journal.add(failed);
        // Two programs would make the same runs.
        CHECK_THROWS_AS(Journal(folder / "runs.csv"), files::FileError);
    }
    const std::string whole = read(folder / "runs.csv");
    for (const std::string torn : {"", "t", "text,full,adam,final,1,0.1,100,5,1,,,1,0.01,3e6,2e6,1e6,done,d"}) {
        write(folder / "runs.csv", whole + torn);
        {
            const Journal journal(folder / "runs.csv");
            CHECK(journal.size() == 2);
            REQUIRE(journal.find("finetune 'a, \"b\"'") != nullptr);
            CHECK(*journal.find("finetune 'a, \"b\"'") == record("finetune 'a, \"b\"'", 1));
            CHECK(journal.find("c")->failed());
            CHECK(journal.find("d") == nullptr);
        }
        CHECK(read(folder / "runs.csv") == whole);
    }
    // Wherever a writer was killed, what was whole before is there.
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        write(folder / "runs.csv", whole.substr(0, size));
        const Journal journal(folder / "runs.csv");
        const auto line_feeds = static_cast<std::size_t>(std::count(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size), '\n'));
        CHECK(journal.size() == (line_feeds == 0 ? 0 : line_feeds - 1));
    }
    write(folder / "runs.csv", whole);
    Journal journal(folder / "runs.csv", true);
    CHECK(journal.find("c") == nullptr);
    journal.add(record("c", 2));
    CHECK(!journal.find("c")->failed());
}

TEST_CASE("A file that is no journal is left as it is") {
    const Folder folder;
    for (const char* text : {"notes", "a,b\n1,2\n", "task\n"}) {
        write(folder / "runs.csv", text);
        CHECK_THROWS_AS(Journal(folder / "runs.csv"), files::FileError);
        CHECK(read(folder / "runs.csv") == text);
    }
    { const Journal journal(folder / "new.csv"); }
    const std::string broken = read(folder / "new.csv") + "text,full\n";
    write(folder / "runs.csv", broken);
    try {
        const Journal journal(folder / "runs.csv");
        FAIL("accepted");
    } catch (const files::FileError& error) {
        CHECK(std::string(error.what()).find("line 2") != std::string::npos);
    }
    CHECK(read(folder / "runs.csv") == broken);
}

TEST_CASE("A search leads to the final runs, and all of them to a table") {
    const Folder folder;
    const Grid grid(options_of({"--text", "a.txt", "--methods", "zo-sgd,fo-adam", "--schemes", "full,lora", "--output", folder("out").c_str()}), 5);
    Journal journal(folder / "runs.csv");
    const auto loss = [](const Run& run) {
        if (run.phase == Phase::search) return std::abs(std::log(run.learning_rate / (2 * run.cell->method->usual_rate(run.cell->task, run.cell->scheme))));
        return run.cell->scheme == "lora" ? std::nan("") : 2 + 0.1 * static_cast<double>(run.seed);
    };
    make_all(grid, journal, loss);
    CHECK(journal.size() == 4 * 7);  // 4 rates, for the best was the outermost of 3, and 3 seeds
    const std::vector<Result> results = results_of(grid, journal);
    REQUIRE(results.size() == 4);
    CHECK(results[0].loss->mean == Catch::Approx(2.2));
    CHECK(results[0].loss->deviation == Catch::Approx(0.1));
    CHECK(results[0].rate == 3.6e-4);
    CHECK(!results[0].rate_at_end);
    CHECK(!results[2].loss);

    const std::string page = markdown(grid, results);
    INFO(page);
    CHECK(page.find("| Final loss, nats | full | lora |\n|---|---:|---:|\n| ZO-SGD | 2.200 ± 0.100 | diverged |\n| FO-Adam | ") != std::string::npos);
    CHECK(page.find("| ZO-SGD | 0.00036 | 2.200 ± 0.100 | 0.205 | 2.0 ± 1.0 | 1.0 % | 1.00 MB | 3.00 MB | 2.00 MB | 1.50 |\n") != std::string::npos);
    CHECK(page.find("\n\n\n") == std::string::npos);
    CHECK(terminal_text(grid, results).find("diverged") != std::string::npos);
}

TEST_CASE("Batches are compared at equal tokens, and a lone one keeps its commands") {
    const Folder folder;
    const auto grid_of = [&](const char* batches) {
        return Grid(options_of({"--text", "a.txt", "--methods", "zo-sgd,fo-sgd,recommended", "--schemes", "full", "--forwards", "600", "--search-forwards",
                                "300", "--length", "64", "--batch", batches, "--output", folder("out").c_str()}),
                    5);
    };
    const Grid lone = grid_of("16"), several = grid_of("16,4,24");
    REQUIRE(several.cells().size() == 9);
    Journal journal(folder / "runs.csv");
    const auto runs_of = [&](const Grid& grid, std::size_t cell) { return grid.state(grid.cells().at(cell), journal).missing; };
    CHECK(runs_of(lone, 0).at(0).command.ends_with("--learning-rate 4e-05 --schedule constant --batch 16 --length 64 --forwards 300 --validation --seed 1 "
                                                   "--threads 1"));
    for (const std::size_t method : {0u, 1u, 2u}) {
        const std::vector<Run> runs = runs_of(lone, method), same = runs_of(several, 3 * method);
        REQUIRE(runs.size() == same.size());
        for (std::size_t i = 0; i < runs.size(); ++i) {
            CHECK(runs[i].command == same[i].command);
            CHECK(runs[i].name() == same[i].name());
        }
    }
    // Four times the passes, from half the rate; a first-order step takes three.
    CHECK(runs_of(several, 1).at(1).command.find("--learning-rate 6e-05 --schedule constant --batch 4 --length 64 --forwards 1200 ") != std::string::npos);
    CHECK(runs_of(several, 4).at(0).command.find("--batch 4 --length 64 --steps 400 ") != std::string::npos);
    CHECK(runs_of(several, 2).at(1).command.find("--learning-rate 0.000147 ") != std::string::npos);
    CHECK(runs_of(several, 2).at(1).command.find("--batch 24 --length 64 --forwards 200 ") != std::string::npos);
    CHECK(runs_of(several, 1).at(0).title() == "text, full, ZO-SGD, batch 4, rate 2e-05, search");
    CHECK(runs_of(lone, 0).at(0).title() == "text, full, ZO-SGD, rate 4e-05, search");
    CHECK(several.tokens(several.cells()[1], 10) == 10 * 4 * 64);

    // Its rate is its own: no search, no rate and no schedule.
    const std::vector<Run> recommended = runs_of(several, 7);
    CHECK(recommended.size() == 3);
    CHECK(recommended.at(0).command.find("--recommended --batch 4 --length 64 --forwards 2400 --eval-every ") != std::string::npos);

    make_all(several, journal, [](const Run&) { return 2; });
    const std::string page = markdown(several, results_of(several, journal));
    INFO(page);
    CHECK(page.find("600 forward passes a run, batches of 16 x 64 tokens; 2,400 of batches of 4, 400 of batches of 24: equal tokens") != std::string::npos);
    CHECK(page.find("| ZO-SGD, batch 16 | 2.000 ± 0.000 |\n| ZO-SGD, batch 4 | 2.000 ± 0.000 |\n| ZO-SGD, batch 24 | ") != std::string::npos);
    CHECK(page.find("\n| FO-SGD, batch 4 | ") != std::string::npos);
    CHECK(terminal_text(several, results_of(several, journal)).find("FO-SGD, batch 24") != std::string::npos);
}

TEST_CASE("A method may have a schedule of its own") {
    const Method method{.name = "falling", .title = "Falling", .options = "--estimator fzoo --schedule linear", .rates = {1, 1, 1, 1, 1}, .on_classify = 1, .passes = 9};
    Options options = options_of({"--text", "a.txt", "--schemes", "full", "--rates", "1", "--schedule", "cosine"});
    options.methods = {&method};
    const Grid grid(options, 5);
    const Folder folder;
    const Journal journal(folder / "runs.csv");
    const std::string command = grid.state(grid.cells().at(0), journal).missing.at(0).command;
    CHECK(command.find("--schedule linear --learning-rate 1 --batch 16") != std::string::npos);
    CHECK(command.find("cosine") == std::string::npos);
}

TEST_CASE("The loss at half the budget is the curve's, where it has a point near") {
    const Folder folder;
    const Grid grid(options_of({"--text", "a.txt", "--methods", "zo-sgd,adam", "--schemes", "full", "--forwards", "1000", "--seeds", "2", "--rates", "1",
                                "--output", folder("out").c_str()}),
                    5);
    Journal journal(folder / "runs.csv");
    std::filesystem::create_directories(folder / "out/curves");
    for (const Cell& cell : grid.cells()) {
        for (const Run& run : grid.state(cell, journal).missing) {
            const bool near = cell.method->name == "zo-sgd";
            const double shift = 0.1 * static_cast<double>(run.seed);
            write_curve(Study::curve_file(folder / "out", run.name()), {{0, 0, 5}, {near ? 420.0 : 380.0, 1, 4}, {near ? 540.0 : 800.0, 2, 3 + shift}, {1000, 3, 2}});
        }
    }
    make_all(grid, journal, [](const Run&) { return 2; });
    const std::vector<Result> results = results_of(grid, journal);
    REQUIRE(results.at(0).half_loss);
    CHECK(*results[0].half_loss == Catch::Approx(3.15));
    CHECK(results[0].curve.at(1).tokens == 420 * 16 * 128);
    CHECK(!results.at(1).half_loss);
    const std::string page = markdown(grid, results);
    INFO(page);
    CHECK(page.find("| method | learning rate | loss | loss at half | tokens, millions | seconds |") != std::string::npos);
    CHECK(page.find("| ZO-SGD | 0.00012 | 2.000 ± 0.000 | 3.150 | 0.205 | ") != std::string::npos);
    CHECK(page.find("| ZO-Adam | 0.0006 | 2.000 ± 0.000 | – | 0.205 | ") != std::string::npos);
}

TEST_CASE("A journal of an older version is refused, and left as it is") {
    const Folder folder;
    const std::string old = "task,scheme,method,phase,seed,learning_rate,forward_passes,loss_before,loss_after,accuracy_before,accuracy_after,seconds,"
                            "optimizer_seconds,peak_bytes,planned_bytes,inference_bytes,status,command";
    for (const char* late : {"", ",batch,tokens"}) {
        const std::string text = old + late + "\ntext,full,adam,final,-1,0.1,100,5,1,,,1,0.01,3000000,2000000,1000000,done,a" + (late[0] != '\0' ? ",16,6400\n" : "\n");
        write(folder / "runs.csv", text);
        try {
            const Journal journal(folder / "runs.csv");
            FAIL("accepted");
        } catch (const files::FileError& error) {
            CHECK(std::string(error.what()).find("line 1: is a journal of an older zo_bench") != std::string::npos);
        }
        CHECK(read(folder / "runs.csv") == text);
    }
}

TEST_CASE("A journal in which one bit has turned is refused, or lacks a run") {
    const Folder folder;
    const Cell cell{"text", "full", find_method("adam")};
    {
        Journal journal(folder / "runs.csv");
        for (const char* command : {"a", "b"}) journal.add(record_of(Run{.cell = &cell, .learning_rate = 0.1, .command = command}, 1.25));
    }
    const std::string whole = read(folder / "runs.csv");
    std::size_t accepted = 0;
    for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
        std::string turned = whole;
        turned[bit / 8] = static_cast<char>(turned[bit / 8] ^ (1 << (bit % 8)));
        write(folder / "runs.csv", turned);
        try {
            const Journal journal(folder / "runs.csv");
            ++accepted;
            CHECK(journal.size() < 2);
        } catch (const files::FileError&) {
            CHECK(read(folder / "runs.csv") == turned);
        }
    }
    CHECK(accepted == 8);  // the last line feed: that line counts as torn
}

TEST_CASE("A journal keeps runs on other files of the same names apart, and takes numbers in their ranges alone") {
    const Folder folder;
    const Cell cell{"text", "full", find_method("adam")};
    Journal journal(folder / "runs.csv");
    Record record = record_of(Run{.cell = &cell, .learning_rate = 0.1, .command = "a"}, 1);
    record.inputs = "text.txt 00000001 4";
    journal.add(record);
    CHECK(journal.find("a", record.inputs) != nullptr);
    CHECK(journal.find("a", "text.txt 00000002 4") == nullptr);
    CHECK(journal.find("a") == nullptr);
    record.seed = ~std::uint64_t{0};
    journal.add(record);
    CHECK(journal.find("a", record.inputs)->seed == ~std::uint64_t{0});
    const auto refused = [&](auto change) {
        Record other = record;
        change(other);
        CHECK_THROWS_AS(journal.add(other), std::logic_error);
    };
    refused([](Record& r) { r.learning_rate = -1; });
    refused([](Record& r) { r.forward_passes = -1; });
    refused([](Record& r) { r.accuracy_after = 1.5; });
    refused([](Record& r) { r.status = "maybe"; });
}

TEST_CASE("What failed or is left is said in the table") {
    const Folder folder;
    const Grid grid(options_of({"--text", "a.txt", "--methods", "zo-sgd,adam,sign", "--schemes", "full", "--rates", "1", "--output", folder("out").c_str()}),
                    5);
    Journal journal(folder / "runs.csv");
    for (const std::size_t cell : {0u, 1u}) {
        for (const Run& run : grid.state(grid.cells()[cell], journal).missing) {
            Record record = record_of(run, 2);
            if (cell == 1 || run.seed == 2) record.status = "failed: \"x\" is not one of a|b";
            journal.add(record);
        }
    }
    const std::vector<Result> results = results_of(grid, journal);
    const std::string page = markdown(grid, results);
    INFO(page);
    CHECK(page.find("| ZO-SGD | 2.000 ± 0.000 (*) |\n| ZO-Adam | failed |\n| ZO-SGD-Sign | not made yet |\n") != std::string::npos);
    CHECK(page.find("2.000 ± 0.000 (*) 1 of 3 runs failed: \"x\" is not one of a\\|b |") != std::string::npos);
    CHECK(page.find("| ZO-Adam | 0.0006 | failed: \"x\" is not one of a\\|b |") != std::string::npos);
}

TEST_CASE("A curve keeps the evaluations of a run's metrics") {
    const Folder folder;
    write(folder / "m.csv", "step,forward_passes,loss,learning_rate,seconds,eval_loss,eval_accuracy\n0,0,,,0,5,\n1,2,4.5,0.1,0.5,,\n2,4,4.4,0.1,1.5,4.25,0.5\n"
                            "3,6,4,0.1,2,nan,\n");
    write_curve(folder / "c.csv", read_metrics(folder / "m.csv", std::nullopt));
    const std::vector<CurvePoint> curve = read_curve(folder / "c.csv");
    REQUIRE(curve.size() == 3);
    CHECK(curve[1].forward_passes == 4);
    CHECK(curve[1].seconds == 1.5);
    CHECK(curve[1].loss == 4.25);
    CHECK(curve[1].accuracy == 0.5);
    CHECK(!curve[2].loss);
    CHECK(read_metrics(folder / "m.csv", 3).at(1).forward_passes == 6);
    CHECK(read_curve(folder / "none.csv").empty());
}

TEST_CASE("The command line is checked") {
    const std::vector<const char*> model = {"--model", "m", "--tokenizer", "t"};
    const auto with = [&](std::vector<const char*> words) {
        words.insert(words.end(), model.begin(), model.end());
        return words;
    };
    check_refused({}, "--model");
    check_refused({"--model", "m", "--text", "a"}, "--tokenizer");
    check_refused(with({}), "--text");
    check_refused(with({"--sentences", "a", "b"}), "--verbalizer");
    check_refused(with({"--sentences", "a"}), "--sentences");
    check_refused(with({"--text", "a", "--prompt", "x"}), "--prompt: needs --sentences");
    check_refused(with({"--text", "a", "--methods", "adam,none"}), "\"none\" is not one of zo-sgd,");
    check_refused(with({"--text", "a", "--methods", "adam,adam"}), "is there twice");
    check_refused(with({"--text", "a", "--methods", "adam,"}), "has an empty part");
    check_refused(with({"--text", "a", "--schemes", "full,half"}), "\"half\" is not one of full");
    check_refused(with({"--text", "a", "--seeds", "0"}), "--seeds: \"0\" is not a whole number from 1");
    check_refused(with({"--text", "a\nb"}), "line break");
    check_refused(with({"--text", "a", "--rates", "1", "--search-forwards", "10"}), "--search-forwards: needs --rates");
    check_refused(with({"--text", "a", "--text", "b"}), "--text");
    check_refused(with({"--nothing"}), "command line");
    CHECK(std::get<Message>(read_words({"--help"})).text.find("--search-forwards") != std::string::npos);
    CHECK(std::get<Message>(read_words({"--version"})).text.find("zeroth") != std::string::npos);

    check_refused(with({"--text", "a", "--batch", "4,1,4"}), "--batch: \"4\" is there twice");
    check_refused(with({"--text", "a", "--batch", "4,04"}), "--batch: \"04\" is there twice");
    check_refused(with({"--text", "a", "--batch", "4,0"}), "--batch: \"0\" is not a whole number from 1");
    check_refused(with({"--text", "a", "--rate-ratio", "1"}), "--rate-ratio: is not a number from 1.1");
    check_refused(with({"--text", "a", "--rates", "1", "--rate-ratio", "2"}), "--rate-ratio: needs --rates");

    const Options quick = options_of({"--text", "a", "--quick", "--batch", "2"});
    CHECK(quick.seeds == 1);
    CHECK(quick.rates == 1);
    CHECK(quick.batches == std::vector<std::size_t>{2});
    CHECK(Grid(quick, 5).cells().size() == all_methods().size() + 2 * (scheme_count - 1));
    const Options usual = options_of({"--text", "a", "--forwards", "50"});
    CHECK(usual.search_forwards == 50);
    CHECK(std::filesystem::path(usual.text).is_absolute());
    CHECK(usual.jobs >= 1);
}

TEST_CASE("A plot of many curves tells them apart, and one that diverges does not press the others flat") {
    std::vector<report::Series> series;
    for (int i = 0; i < 18; ++i) {
        series.emplace_back("curve " + std::to_string(i));
        for (int x = 0; x < 3; ++x) series.back().add(x, 5 - 0.1 * i * x);
    }
    series.back().add(3, 1e6);
    report::Plot plot{"t", "x", "y", {}};
    for (const report::Series& one : series) plot.curves.push_back({.series = &one});
    plot.most = 6;
    std::ostringstream svg;
    plot.write(svg, report::Plot::Format::svg);
    std::set<std::string> pens;
    for (const std::string& line : lines_of(svg.str())) {
        if (line.starts_with("<polyline") && line.find("stroke-width=\"3.0\"") != std::string::npos) pens.insert(line.substr(0, line.find(" points")));
    }
    CHECK(pens.size() == series.size());
    CHECK(svg.str().find(">1,000,000<") == std::string::npos);
    CHECK(svg.str().find("width=\"1020\"") != std::string::npos);

    report::Plot points{"t", "x", "y", {{.series = &series[0], .line = false, .marker = report::Marker::square, .style = 12}}};
    points.legend = {{.name = "a scheme", .marker = report::Marker::square}, {.name = "a method", .style = 12}};
    std::ostringstream scatter;
    points.write(scatter, report::Plot::Format::svg);
    CHECK(scatter.str().find("a scheme") != std::string::npos);
    CHECK(scatter.str().find("curve 0") == std::string::npos);
    CHECK(scatter.str().find("<polygon") != std::string::npos);
}
