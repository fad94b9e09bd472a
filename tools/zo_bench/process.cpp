#include "process.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <thread>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__APPLE__)
extern char** environ;
#endif

namespace zo_bench {
namespace {

using namespace std::chrono_literals;

/// A guard of this process may have caught or ignored these; its children take them as usual.
constexpr int signals[] = {SIGINT, SIGTERM, SIGHUP};

/// posix_spawn's settings; freed with it.
class Spawn {
public:
    explicit Spawn(const std::string& error_file) {
        ::posix_spawn_file_actions_init(&actions_);
        ::posix_spawnattr_init(&attributes_);
        ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        ::posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        ::posix_spawn_file_actions_addopen(&actions_, STDERR_FILENO, error_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
        sigset_t none, usual;
        ::sigemptyset(&none);
        ::sigemptyset(&usual);
        for (const int signal : signals) ::sigaddset(&usual, signal);
        ::posix_spawnattr_setsigmask(&attributes_, &none);
        ::posix_spawnattr_setsigdefault(&attributes_, &usual);
        ::posix_spawnattr_setpgroup(&attributes_, 0);
        ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    Spawn(const Spawn&) = delete;
    Spawn& operator=(const Spawn&) = delete;
    ~Spawn() {
        ::posix_spawn_file_actions_destroy(&actions_);
        ::posix_spawnattr_destroy(&attributes_);
    }

    pid_t start(const std::vector<std::string>& words) const {
        std::vector<std::string> copies = words;
        std::vector<char*> pointers;
        pointers.reserve(copies.size() + 1);
        for (std::string& word : copies) pointers.push_back(word.data());
        pointers.push_back(nullptr);
        pid_t child = 0;
        const int error = ::posix_spawn(&child, words.at(0).c_str(), &actions_, &attributes_, pointers.data(), environ);
        if (error != 0) throw std::runtime_error(words[0] + ": cannot be started: " + std::strerror(error));
        return child;
    }

private:
    posix_spawn_file_actions_t actions_;
    posix_spawnattr_t attributes_;
};

}  // namespace

std::string shell_text(const std::vector<std::string>& words) {
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./,:@%";
    std::string text;
    for (const std::string& word : words) {
        if (!text.empty()) text += ' ';
        if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) {
            text += word;
            continue;
        }
        text += '\'';
        for (const char character : word) text += character == '\'' ? std::string("'\\''") : std::string(1, character);
        text += '\'';
    }
    return text;
}

pid_t Children::start(const std::vector<std::string>& words, const std::string& error_file) {
    children_.reserve(children_.size() + 1);
    children_.push_back(Spawn(error_file).start(words));
    return children_.back();
}

std::optional<Ended> Children::wait_a_moment() {
    for (int i = 0; i < 10 && !children_.empty(); ++i) {
        if (const auto ended = poll()) return ended;
        std::this_thread::sleep_for(5ms);
    }
    return std::nullopt;
}

std::optional<Ended> Children::poll() {
    for (auto place = children_.begin(); place != children_.end(); ++place) {
        int status = 0;
        const pid_t child = ::waitpid(*place, &status, WNOHANG);
        if (child == 0 || (child < 0 && errno == EINTR)) continue;
        const Ended ended{*place, child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1, child > 0 && WIFSIGNALED(status) ? WTERMSIG(status) : 0};
        children_.erase(place);
        return ended;
    }
    return std::nullopt;
}

void Children::end_all() {
    const auto signal_all = [this](int signal) {
        for (const pid_t child : children_) ::kill(-child, signal);
    };
    const auto deadline = std::chrono::steady_clock::now() + 2s;
    signal_all(SIGTERM);
    while (!children_.empty()) {
        if (!poll()) std::this_thread::sleep_for(5ms);
        if (std::chrono::steady_clock::now() >= deadline) signal_all(SIGKILL);
    }
}

}  // namespace zo_bench
