// SPDX-License-Identifier: Apache-2.0
#include "client/key_command.hpp"

#include <boost/program_options/parsers.hpp>
#include <boost/token_functions.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fwknop::client {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t max_line = 1023; ///< far above the 128 bytes of any key, base64 or not
constexpr std::chrono::milliseconds grace{2000}; ///< to give a terminal's echo back

class descriptor {
  public:
    explicit descriptor(int fd) noexcept : fd_{fd} {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() { close(); }
    [[nodiscard]] int get() const noexcept { return fd_; }
    void close() noexcept {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }

  private:
    int fd_;
};

problem command_problem(const std::string& program, const std::string& what) {
    return failure("KEY_COMMAND: '" + program + "' " + what);
}

std::string reason(int error) {
    return std::generic_category().message(error);
}

int remaining(clock::time_point end) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - clock::now()).count();
    return static_cast<int>(std::max<std::chrono::milliseconds::rep>(left, 0));
}

/// A descriptor that is readable when the process has ended. The C library's own function cannot be
/// linked from C++ before glibc 2.37.
int open_pid(pid_t pid) {
    return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

/// A running program whose output is a pipe; ended and reaped on destruction.
class child {
  public:
    /// `output` is not blocking, and outlives this.
    child(pid_t pid, int output) : pid_{pid}, exit_{open_pid(pid)}, output_{output} {}
    child(const child&) = delete;
    child& operator=(const child&) = delete;
    ~child() {
        if (reaped_) return;
        ::kill(pid_, SIGTERM);
        pollfd ended{exit_.get(), POLLIN, 0};
        if (exit_.get() < 0 || ::poll(&ended, 1, static_cast<int>(grace.count())) <= 0)
            ::kill(pid_, SIGKILL);
        (void)reap();
    }

    /// Reads until the program has ended, not until the pipe has: what it leaves in the background
    /// may keep that. False when `end` came first.
    bool read_line(clock::time_point end) {
        for (;;) {
            std::array<pollfd, 2> wait{
                {{output_open_ ? output_ : -1, POLLIN, 0}, {exit_.get(), POLLIN, 0}}};
            const int ready = ::poll(wait.data(), wait.size(), remaining(end));
            if (ready < 0 && errno != EINTR) return false;
            // The clock is asked, too: a program that never stops printing is always ready.
            if (ready == 0 || clock::now() >= end) return false;
            if (ready < 0) continue;
            const bool ended = wait[1].revents != 0;
            const bool more = read_some();
            if (ended && (!more || line_ended_)) return true;
        }
    }

    /// The wait status.
    int reap() {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        reaped_ = true;
        return status;
    }

    [[nodiscard]] bool watched() const noexcept { return exit_.get() >= 0; }
    [[nodiscard]] bool too_long() const noexcept { return size_ > max_line; }
    [[nodiscard]] secret_bytes line() {
        line_.truncate(size_);
        return std::move(line_);
    }

  private:
    /// False when there is nothing left to read for now.
    bool read_some() {
        const auto got = ::read(output_, buffer_.bytes().data(), buffer_.size());
        if (got > 0) keep(buffer_.text().substr(0, static_cast<std::size_t>(got)));
        if (got == 0) output_open_ = false;
        return got > 0;
    }

    void keep(std::string_view text) {
        if (line_ended_) return;
        const auto feed = text.find('\n');
        line_ended_ = feed != text.npos;
        text = text.substr(0, feed);
        text = text.substr(0, line_.size() - size_);
        std::copy(text.begin(), text.end(), line_.bytes().begin() + static_cast<ssize_t>(size_));
        size_ += text.size();
    }

    pid_t pid_;
    descriptor exit_;
    int output_;
    bool output_open_ = true;
    bool reaped_ = false;
    bool line_ended_ = false;
    secret_bytes buffer_{4096};
    secret_bytes line_{max_line + 1}; ///< one more tells that it was too long
    std::size_t size_ = 0;
};

/// Zero, or the error.
int spawn(pid_t& pid, std::vector<std::string>& words, int output) {
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    // Without memory for it the key would be written to our own output.
    int error = ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (error == 0)
        error = ::posix_spawnp(&pid, argv.front(), &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    return error;
}

} // namespace

checked<std::vector<std::string>> split_command(std::string_view command) {
    // The library's splitter takes any quote for the end of any other, and the end for a quote.
    std::optional<char> quote;
    std::size_t quotes = 0;
    for (std::size_t at = 0; at < command.size(); ++at) {
        if (command[at] == '\\') {
            ++at; // whatever follows is no quote
            continue;
        }
        if (command[at] != '"' && command[at] != '\'') continue;
        if (quote.value_or(command[at]) != command[at])
            return misuse("must not have both kinds of quotes");
        quote = command[at];
        ++quotes;
    }
    if (quotes % 2 != 0) return misuse("has a quote that is not closed");
    try {
        auto words = boost::program_options::split_unix(std::string{command});
        if (words.empty() || words.front().empty()) return misuse("names no program");
        return words;
    } catch (const boost::escaped_list_error&) {
        return misuse("has a backslash that is not before a quote or another backslash");
    }
}

checked<secret_bytes> run_key_command(const std::string& command, std::chrono::milliseconds limit) {
    auto words = split_command(command);
    if (!words) return failure("KEY_COMMAND " + words.error().text);
    const auto program = words->front();
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return command_problem(program, "cannot be run: " + reason(errno));
    const descriptor reading{ends[0]};
    descriptor writing{ends[1]};
    pid_t pid = 0;
    if (const int error = spawn(pid, *words, writing.get()); error != 0)
        return command_problem(program, "cannot be run: " + reason(error));
    writing.close();
    ::fcntl(reading.get(), F_SETFL, O_NONBLOCK); // only this end: the program's stays as it is
    child running{pid, reading.get()};
    if (!running.watched()) return command_problem(program, "cannot be watched");
    if (!running.read_line(clock::now() + limit))
        return command_problem(program, "gave no key within " +
                                            std::to_string(limit.count() / 1000) + " seconds");
    const int status = running.reap();
    if (WIFSIGNALED(status))
        return command_problem(program, "was ended by signal " + std::to_string(WTERMSIG(status)));
    if (WEXITSTATUS(status) != 0)
        return command_problem(program,
                               "failed with status " + std::to_string(WEXITSTATUS(status)));
    if (running.too_long()) return command_problem(program, "printed a line longer than any key");
    auto line = running.line();
    if (line.empty()) return command_problem(program, "printed no key");
    return line;
}

} // namespace fwknop::client
