// Parts that the programs share: outputs, names of files, what may be shown.

#include <files/atomic_file.hpp>
#include <files/safetensors.hpp>
#include <files/target.hpp>
#include <files/temporary.hpp>
#include <finetune/table.hpp>
#include <finetune/text_file.hpp>
#include <program/distinct_files.hpp>
#include <program/usage_error.hpp>
#include <report/format.hpp>
#include <report/plot.hpp>
#include <report/printable.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;

class Folder {
public:
    Folder() : path(fs::temp_directory_path() / ("zeroth_shared_" + std::to_string(std::random_device()()))) { fs::create_directory(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { fs::remove_all(path); }

    std::string operator/(const std::string& name) const { return (path / name).string(); }
    std::size_t files() const { return static_cast<std::size_t>(std::distance(fs::directory_iterator(path), fs::directory_iterator())); }

    const fs::path path;
};

void write(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

std::string read(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

template <class Call>
std::string refusal(Call call) {
    try {
        call();
    } catch (const std::exception& error) {
        return error.what();
    }
    return {};
}

void put(const fs::path& path, const std::string& text) {
    files::AtomicFile file(path);
    file.stream() << text;
    file.commit();
}

}  // namespace

TEST_CASE("Well-formed UTF-8 is told from what is not") {
    for (const char* text : {"", "plain", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xEF\xBF\xBD", "\xF4\x8F\xBF\xBF"}) {
        CHECK(!report::first_invalid_utf8(text));
    }
    for (const char* text : {"\x80", "\xC0\xAF", "\xC3", "\xE2\x82", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xC3z"}) {
        CHECK(report::first_invalid_utf8(std::string("fine ") + text + "z") == 5);
    }
}

TEST_CASE("What a terminal obeys is shown as text") {
    using report::Lines, report::printable;
    CHECK(printable("caf\xC3\xA9 \xF0\x9F\x98\x80") == "caf\xC3\xA9 \xF0\x9F\x98\x80");
    CHECK(printable("\x1B]0;title\x07") == "\\x1B]0;title\\x07");
    CHECK(printable("a\nb\tc\r\x7F") == "a\\x0Ab\\x09c\\x0D\\x7F");
    CHECK(printable("a\nb\tc\r", Lines::several) == "a\nb\tc\\x0D");
    CHECK(printable("\xC2\x9B" "2J") == "\\x9B2J");               // CSI of eight bits
    CHECK(printable("\xE2\x80\xAE" "abc") == "\\u202E" "abc");    // written backwards
    CHECK(printable("a\xFFz\xC3") == "a\xEF\xBF\xBDz\xEF\xBF\xBD");
    CHECK(printable("\xEF\xBF\xBE") == "\\uFFFE");                // not of XML
    CHECK(printable(std::string("a\0b", 3)) == "a\\x00b");
}

TEST_CASE("A plot's title of any bytes leaves the SVG well-formed") {
    const report::Plot plot{.title = "Loss of \xFF<\x1B>&\x01", .x_label = "x", .y_label = "y", .curves = {}};
    std::ostringstream stream;
    plot.write(stream, report::Plot::Format::svg);
    CHECK(stream.str().find("Loss of \xEF\xBF\xBD&lt;\\x1B&gt;&amp;\\x01") != std::string::npos);
    CHECK(!report::first_invalid_utf8(stream.str()));
}

TEST_CASE("What is no number has no sign") {
    CHECK(report::fixed(-std::numeric_limits<double>::quiet_NaN(), 3) == "nan");
    CHECK(report::general(-std::numeric_limits<double>::quiet_NaN(), 3) == "nan");
}

TEST_CASE("Files are compared as files, whatever leads to them") {
    const Folder folder;
    write(folder / "text", "text");
    fs::create_hard_link(folder / "text", folder / "hard");
    fs::create_symlink("text", folder / "soft");
    fs::create_symlink("later", folder / "dangling");
    fs::create_directory(folder / "sub");
    fs::create_directory_symlink("sub", folder / "other");
    const auto refused = [&](const std::string& input, const std::string& first, const std::string& second) {
        return refusal([&] { program::require_distinct_files({{"--train", input}}, {{"--save", first}, {"--json", second}}); });
    };
    for (const char* name : {"text", "./text", "sub/../text", "hard", "soft"}) {
        INFO(name);
        CHECK(refused(folder / "text", "", folder / name) == "--json: \"" + folder / name + "\" is also the file of --train");
    }
    CHECK(refused(folder / "hard", folder / "soft", "").starts_with("--save: "));
    CHECK(refused("", folder / "new", folder / "./new").ends_with("is also the file of --save"));
    CHECK(refused("", folder / "sub/new", folder / "other/new").starts_with("--json: "));
    CHECK(refused("", folder / "later", folder / "dangling").starts_with("--json: "));
    CHECK(refused(folder / "text", folder / "new", folder / "New").empty());  // where letters' cases are told apart
    CHECK(refused(folder / "text", folder / "sub/text", folder / "a").empty());
    CHECK(folder.files() == 6);
}

TEST_CASE("A dangling link is followed, and a circle of links refused") {
    const Folder folder;
    fs::create_directory(folder / "sub");
    fs::create_symlink("sub/file", folder / "link");
    fs::create_symlink("link", folder / "link2");
    put(folder / "link2", "text");
    CHECK(read(folder / "sub/file") == "text");
    CHECK(fs::is_symlink(folder / "link"));
    fs::create_symlink("round2", folder / "round");
    fs::create_symlink("round", folder / "round2");
    CHECK(refusal([&] { put(folder / "round", ""); }).starts_with(folder / "round" + ": cannot be written"));
}

TEST_CASE("A file that is replaced keeps its permissions, but not to run as its owner") {
    const Folder folder;
    put(folder / "file", "one");
    ::chmod((folder / "file").c_str(), 06751);
    if (::geteuid() == 0) REQUIRE(::chown((folder / "file").c_str(), 1234, 2345) == 0);
    ::chmod((folder / "file").c_str(), 06751);
    put(folder / "file", "two");
    struct stat status {};
    REQUIRE(::stat((folder / "file").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0751);
    if (::geteuid() == 0) {
        CHECK(status.st_uid == 1234);
        CHECK(status.st_gid == 2345);
    }
}

TEST_CASE("A name may have 255 bytes") {
    const Folder folder;
    const std::string name(255, 'x');
    put(folder / name, "text");
    CHECK(read(folder / name) == "text");
    CHECK(refusal([&] { const files::OutputLock lock(folder / name); }).empty());
    CHECK(folder.files() == 1);
}

TEST_CASE("What killed processes left is removed, and what is in use is not") {
    const Folder folder;
    const pid_t child = ::fork();
    if (child == 0) {
        const files::AtomicFile file(folder / "file");
        const files::OutputLock lock(folder / "file");
        ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(folder.files() == 2);
    write(folder / ".zeroth-mine.tmp", "of another kind");
    {
        files::AtomicFile in_use(folder / "a");
        put(folder / "b", "b");
        CHECK(folder.files() == 3);  // it, b and the one of another kind
        in_use.stream() << "a";
        in_use.commit();
    }
    CHECK(read(folder / "a") == "a");
    CHECK(folder.files() == 3);
}

TEST_CASE("An output is of one run at a time") {
    const Folder folder;
    {
        const files::OutputLock lock(folder / "file");
        fs::create_symlink("file", folder / "link");
        CHECK(refusal([&] { const files::OutputLock second(folder / "link"); }) == folder / "link" + ": is being written by another run");
        CHECK(refusal([&] { const files::OutputLock other(folder / "other"); }).empty());
    }
    CHECK(refusal([&] { const files::OutputLock third(folder / "file"); }).empty());
    CHECK(folder.files() == 1);
}

TEST_CASE("A text is the same whatever its lines end in, and what was read is told") {
    const Folder folder;
    const auto text = [&](const std::string& bytes) {
        write(folder / "text", bytes);
        return finetune::read_text(folder / "text");
    };
    for (const char* bytes : {"a\nb\nc\n", "a\r\nb\r\nc\r\n", "a\rb\rc\r", "\xEF\xBB\xBF" "a\nb\r\nc\n", "a\n\xEF\xBB\xBF" "b\nc\r"}) CHECK(text(bytes).text == "a\nb\nc\n");
    CHECK(text("a\xEF\xBB\xBF\n").text == "a\xEF\xBB\xBF\n");  // a space of no width
    CHECK(text("a\nb").description() == "3 bytes, 2 lines");
    CHECK(text("\xEF\xBB\xBF" "a\r\n").description() == "6 bytes, 1 line (a byte-order mark left out; 1 of them ended in CR LF or CR, which is read as a line feed)");
    const auto refused = [&](const std::string& bytes) { return refusal([&] { text(bytes); }).substr((folder / "text: ").size()); };
    CHECK(refused("") == "byte 0: the file is empty");
    CHECK(refused("\xEF\xBB\xBF") == "byte 0: the file is empty");
    CHECK(refused(std::string("\xFF\xFE" "a\0", 4)).starts_with("line 1: the file is UTF-16"));
    CHECK(refused(std::string("\xFE\xFF\0a", 4)).starts_with("line 1: the file is UTF-16"));
    CHECK(refused(std::string("a\0", 2)).starts_with("byte 1: is a zero, in line 1"));
    CHECK(refused("a\n\xE9t\xE9\n") == "byte 2: is not UTF-8 (0xE9), in line 2");
    CHECK(refusal([] { finetune::read_text("/dev/zero"); }).starts_with("/dev/zero: byte 0: is a zero"));
}

TEST_CASE("Tables are read as they were meant, or refused with the line") {
    const Folder folder;
    using Rows = std::vector<std::pair<std::string, std::size_t>>;
    const auto rows = [&](const std::string& bytes) {
        write(folder / "t", bytes);
        const finetune::TextFile file = finetune::read_text(folder / "t");
        Rows found;
        finetune::LabelledTable(file, 2).each([&](std::string_view sentence, std::size_t label) {
            found.emplace_back(sentence, label);
            return true;
        });
        return found;
    };
    const Rows two = {{"good one", 1}, {"bad", 0}};
    CHECK(rows("good one\t1\nbad\t0\n") == two);
    CHECK(rows("good one \t 1 \n\nbad\t0") == two);                                        // as SST-2 has it
    CHECK(rows("sentence\tlabel\ngood one\t1\nbad\t0\n") == two);
    CHECK(rows("Label\tSentence\n1\tgood one\n0\tbad\n") == two);
    CHECK(rows("\tsentence\tlabel\n0\tgood one\t1\n1\tbad\t0\n") == two);                  // pandas, with its index
    CHECK(rows("label\tid\ttext\n1\t7\tgood one\n0\t8\tbad\n") == two);
    CHECK(rows("\"sentence\"\t\"label\"\n\"good one\"\t\"1\"\n\"bad\"\t\"0\"\n") == two);  // all quoted
    CHECK(rows("good one\t1\nbad\t0\n\t\n") == two);                                       // an empty row of a spreadsheet
    CHECK(rows("\"a \"\"b\"\" c\"\t1\nbad\t0\n") == Rows{{"a \"b\" c", 1}, {"bad", 0}});
    CHECK(rows("\"a\tb\"\t1\nbad, too\t0\n") == Rows{{"a\tb", 1}, {"bad, too", 0}});
    CHECK(rows("\"a\r\nb\"\t1\r\nbad\t0\r\n") == Rows{{"a\nb", 1}, {"bad", 0}});
    CHECK(rows("\"bad, too\"\t1\nbad\t0\n") == Rows{{"bad, too", 1}, {"bad", 0}});         // Excel
    CHECK(rows("he said \"no\"\t1\nbad\t0\n") == Rows{{"he said \"no\"", 1}, {"bad", 0}});
    const auto refused = [&](const std::string& bytes) { return refusal([&] { rows(bytes); }).substr((folder / "t: ").size()); };
    CHECK(refused("a\t1\n0\tb\t1\n").starts_with("line 2: has 3 fields"));
    CHECK(refused("0\ta\t1\n1\tb\t0\n").starts_with("line 1: has 3 fields"));
    CHECK(refused("x\ty\tlabel\n0\ta\t1\n").starts_with("line 1: has 3 columns"));
    CHECK(refused("sentence\tlabel\na\t1\tx\n").starts_with("line 2: has 3 fields, not the header's 2"));
    CHECK(refused("sentence\tlabel\tlabel\n").starts_with("line 1: has more than one"));
    CHECK(refused("text\ttarget\na\t1\n").starts_with("line 1: label \"target\""));
    CHECK(refused("a,1\nb,0\n").starts_with("line 1: has no label"));
    CHECK(refused("a\t1.0\n").starts_with("line 1: label \"1.0\""));
    CHECK(refused("a\t-1\n").starts_with("line 1: label \"-1\""));
    CHECK(refused("fine\t1\n\"quoted\"\t1\nbad\t0\n").starts_with("line 2: whether the quotation marks"));
    CHECK(refused("\"a, b\"\t1\nc, d\t0\n").starts_with("line 1: whether the quotation marks"));
    CHECK(refused("fine\t1\n\"a\" and more\t1\n").starts_with("line 2: a field begins with a quotation mark and goes on"));
    CHECK(refused("fine\t1\n\"never closed\t1\nbad\t0\n").starts_with("line 2: a field begins with a quotation mark"));
    CHECK(refused("fine\t1\n\"opens\t1\ncloses\"\t0\n").starts_with("line 2: a field begins with a quotation mark"));
    CHECK(refused("\t1\n").starts_with("line 1: has no sentence"));
}

TEST_CASE("A safetensors file holds to its layout, or is refused") {
    const Folder folder;
    const auto file = [&](const std::string& header, std::size_t data) {
        std::string bytes;
        for (int i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i));
        write(folder / "f", bytes + header + std::string(data, '\0'));
        return refusal([&] { files::read_safetensors(folder / "f"); });
    };
    const std::string a = R"("a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]})", b = R"("b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]})";
    CHECK(file("{" + a + "," + b + "}   ", 12).empty());
    CHECK(file("{" + b + "," + a + ",\"__metadata__\":{\"x\":\"y\"}}", 12).empty());
    CHECK(file(R"({"e":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},)" + a + "}", 8).empty());
    CHECK(file("{" + a + "}", 12).find("4 bytes follow the last tensor") != std::string::npos);
    CHECK(file("{" + b + "}", 12).find("tensor b: does not begin where") != std::string::npos);
    CHECK(file("{" + a + "," + R"("c":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})" + "}", 8).find("does not begin where") != std::string::npos);
    CHECK(file("{" + a + "," + a + "}", 8).find("is there twice") != std::string::npos);
    for (const char* wrong : {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})", R"({"a":{"dtype":"F16","shape":[2],"data_offsets":[0,8]}})",
                              R"({"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})", R"({"a":{"dtype":"F32","shape":[true],"data_offsets":[0,4]}})",
                              R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}})",
                              R"({"a":{"shape":[2],"data_offsets":[0,8]}})", R"({"a":[1]})", R"({"a":{"dtype":"F32","shape":[[2]],"data_offsets":[0,8]}})",
                              R"({"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})", R"({"a":{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,8]}})",
                              R"({"__metadata__":{"a":1}})", R"([1])", R"({"a":)", R"( {"a":1})", "",
                              R"({"a":{"dtype":"F32","shape":[18446744073709551615,18446744073709551615],"data_offsets":[0,8]}})"}) {
        INFO(wrong);
        CHECK(!file(wrong, 8).empty());
    }
}
