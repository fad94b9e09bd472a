#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace zo_bench {

/// A command as one would type it: what a shell reads as these words.
std::string shell_text(const std::vector<std::string>& words);

/// How a child process ended, and which.
struct Ended {
    pid_t child = 0;
    int status = 0;       ///< it exited with; meaningless after a signal
    int signal = 0;       ///< that ended it, or 0
};

/// Child processes, each in a process group of its own, so that Ctrl-C reaches this process alone; those left are ended with it.
class Children {
public:
    Children() = default;
    Children(const Children&) = delete;
    Children& operator=(const Children&) = delete;
    ~Children() { end_all(); }

    /// Starts a program by its path, without input, its standard error in a file. Throws std::runtime_error.
    pid_t start(const std::vector<std::string>& words, const std::string& error_file);
    /// Waits for a child to end, a moment at most.
    std::optional<Ended> wait_a_moment();
    const std::vector<pid_t>& running() const { return children_; }
    /// SIGTERM and, to what is still there after two seconds, SIGKILL.
    void end_all();

private:
    std::optional<Ended> poll();

    std::vector<pid_t> children_;
};

}  // namespace zo_bench
