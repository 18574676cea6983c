// SPDX-License-Identifier: Apache-2.0
#include "checked_string.hpp"
#include "client/terminal.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

using namespace fwknop::client;

namespace {

class pipe_with {
  public:
    explicit pipe_with(const std::string& text) {
        REQUIRE(::pipe(ends_.data()) == 0);
        REQUIRE(::write(ends_[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
        ::close(ends_[1]);
    }
    pipe_with(const pipe_with&) = delete;
    pipe_with& operator=(const pipe_with&) = delete;
    ~pipe_with() { ::close(ends_[0]); }
    [[nodiscard]] int end() const { return ends_[0]; }

  private:
    std::array<int, 2> ends_{};
};

/// A child on a terminal of its own that prompts and exits with what it read: 0 for "secret", 1
/// for nothing, 2 for anything else.
class prompting_child {
  public:
    prompting_child() {
        pid_ = ::forkpty(&master_, nullptr, nullptr, nullptr);
        if (pid_ == 0) {
            const auto read = prompt_secret("Prompt: ");
            ::_exit(!read ? 1 : read->text() == "secret" ? 0 : 2);
        }
    }
    prompting_child(const prompting_child&) = delete;
    prompting_child& operator=(const prompting_child&) = delete;
    ~prompting_child() { ::close(master_); }

    [[nodiscard]] pid_t pid() const { return pid_; }
    void type(const std::string& text) const {
        REQUIRE(::write(master_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    }
    [[nodiscard]] bool echoes() const {
        termios state{};
        return ::tcgetattr(master_, &state) == 0 && (state.c_lflag & ECHO) != 0;
    }
    /// What the terminal shows until it shows `text`, or for two seconds.
    std::string shown_until(const std::string& text) {
        while (shown_.find(text) == std::string::npos) {
            pollfd wait{master_, POLLIN, 0};
            std::array<char, 100> buffer{};
            if (::poll(&wait, 1, 2000) != 1) break;
            const auto got = ::read(master_, buffer.data(), buffer.size());
            if (got <= 0) break;
            shown_.append(buffer.data(), static_cast<std::size_t>(got));
        }
        return shown_;
    }
    [[nodiscard]] int wait() const {
        int status = 0;
        REQUIRE(::waitpid(pid_, &status, 0) == pid_);
        return status;
    }

  private:
    int master_ = -1;
    pid_t pid_ = -1;
    std::string shown_;
};

} // namespace

TEST_CASE("lines are read one at a time") {
    const pipe_with lines{"one\n\nthree"};
    CHECK(read_secret_line(lines.end())->text() == "one");
    CHECK(read_secret_line(lines.end())->empty());
    CHECK(read_secret_line(lines.end())->text() == "three");
    CHECK_FALSE(read_secret_line(lines.end()));
    CHECK_FALSE(read_secret_line(-1));
}

TEST_CASE("a line longer than any key is refused") {
    const pipe_with fits{std::string(1023, 'k') + "\n"};
    CHECK(read_secret_line(fits.end())->size() == 1023);
    const pipe_with too_long{std::string(1024, 'k') + "\n"};
    CHECK_FALSE(read_secret_line(too_long.end()));
}

TEST_CASE("the prompt does not echo what is typed") {
    prompting_child child;
    CHECK(child.shown_until("Prompt: ").find("Prompt: ") != std::string::npos);
    CHECK_FALSE(child.echoes());
    child.type("secret\n");
    CHECK(child.shown_until("secret").find("secret") == std::string::npos);
    const int status = child.wait();
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
}

TEST_CASE("a signal during the prompt restores the echo and takes effect") {
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        // The terminal's settings outlive the child on the master's side.
        prompting_child child;
        child.shown_until("Prompt: ");
        CHECK_FALSE(child.echoes());
        child.type("sec");
        REQUIRE(::kill(child.pid(), number) == 0);
        const int status = child.wait();
        CHECK((WIFSIGNALED(status) && WTERMSIG(status) == number));
        CHECK(child.echoes());
    }
}
