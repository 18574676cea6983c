// SPDX-License-Identifier: Apache-2.0
#include "client/terminal.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

namespace fwknop::client {
namespace {

constexpr std::size_t max_line = 1023; ///< far above the 128 bytes of any key, base64 or not

class file_descriptor {
  public:
    explicit file_descriptor(int fd) noexcept : fd_{fd} {}
    file_descriptor(const file_descriptor&) = delete;
    file_descriptor& operator=(const file_descriptor&) = delete;
    ~file_descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }

  private:
    int fd_;
};

/// Holds back the signals that would leave the terminal without echo, and offers them as a
/// readable descriptor. What arrived meanwhile is delivered on destruction.
class held_signals {
  public:
    held_signals() noexcept : fd_{(fill(), ::signalfd(-1, &set_, SFD_CLOEXEC))} {
        ::sigprocmask(SIG_BLOCK, &set_, &before_);
    }
    held_signals(const held_signals&) = delete;
    held_signals& operator=(const held_signals&) = delete;
    ~held_signals() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }
    [[nodiscard]] int descriptor() const noexcept { return fd_.get(); }

  private:
    void fill() noexcept {
        sigemptyset(&set_);
        for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGPIPE, SIGALRM})
            sigaddset(&set_, number);
    }
    sigset_t set_{};
    sigset_t before_{};
    file_descriptor fd_;
};

class without_echo {
  public:
    explicit without_echo(int fd) noexcept : fd_{fd} {
        changed_ = ::tcgetattr(fd_, &before_) == 0;
        if (!changed_) return;
        auto silent = before_;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        silent.c_lflag |= ECHONL; // the line feed still shows that the line was taken
        changed_ = ::tcsetattr(fd_, TCSAFLUSH, &silent) == 0;
    }
    without_echo(const without_echo&) = delete;
    without_echo& operator=(const without_echo&) = delete;
    ~without_echo() {
        if (changed_) ::tcsetattr(fd_, TCSAFLUSH, &before_);
    }
    [[nodiscard]] bool silent() const noexcept { return changed_; }

  private:
    int fd_;
    termios before_{};
    bool changed_ = false;
};

/// One byte, or nothing at the end, on error, or when `interrupt` (if not negative) is readable.
std::optional<std::uint8_t> read_byte(int fd, int interrupt) {
    for (;;) {
        if (interrupt >= 0) {
            std::array<pollfd, 2> wait{{{fd, POLLIN, 0}, {interrupt, POLLIN, 0}}};
            if (::poll(wait.data(), wait.size(), -1) < 0 && errno != EINTR) return {};
            if (wait[1].revents != 0) return {};
            if (wait[0].revents == 0) continue;
        }
        std::uint8_t byte = 0;
        const auto got = ::read(fd, &byte, 1);
        if (got == 1) return byte;
        if (got == 0 || errno != EINTR) return {};
    }
}

std::optional<secret_bytes> read_line(int fd, int interrupt) {
    secret_bytes line{max_line};
    std::size_t size = 0;
    bool ended = false;
    while (const auto byte = read_byte(fd, interrupt)) {
        ended = *byte == '\n';
        if (ended) break;
        if (size == max_line) return {};
        line.bytes()[size++] = *byte;
    }
    if (size == 0 && !ended) return {};
    // An interrupted prompt gives no key, however much of it was typed.
    if (!ended && interrupt >= 0) return {};
    line.truncate(size);
    return line;
}

void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const auto sent = ::write(fd, text.data(), text.size());
        if (sent <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
}

} // namespace

std::optional<secret_bytes> read_secret_line(int fd) {
    return read_line(fd, -1);
}

std::optional<secret_bytes> prompt_secret(std::string_view prompt) {
    const file_descriptor tty{::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)};
    if (!tty.is_open()) return {};
    const held_signals signals; // outlives `quiet`: echo is back before a signal takes effect
    const without_echo quiet{tty.get()};
    if (!quiet.silent()) return {};
    write_all(tty.get(), prompt);
    return read_line(tty.get(), signals.descriptor());
}

} // namespace fwknop::client
