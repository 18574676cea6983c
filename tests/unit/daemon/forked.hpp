// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/file_descriptor.hpp"

#include <array>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <optional>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fwknop::daemon::test {

/// A child process that runs one function and exits with what it returns; killed and reaped at
/// the end at the latest. The child never comes back into the test program, whatever it throws.
class forked {
  public:
    /// `tell` in the child, given to `work`: lets `hear` in the parent return.
    using teller = std::function<void()>;

    explicit forked(const std::function<int(const teller&)>& work) {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error{"pipe2"};
        from_child_ = file_descriptor{ends[0]};
        file_descriptor to_parent{ends[1]};
        pid_ = ::fork();
        if (pid_ < 0) throw std::runtime_error{"fork"};
        if (pid_ > 0) return;
        int status = 99;
        try {
            status = work([&to_parent] {
                if (::write(to_parent.get(), "x", 1) != 1) std::_Exit(98);
            });
        } catch (...) {
        }
        std::_Exit(status);
    }
    forked(const forked&) = delete;
    forked& operator=(const forked&) = delete;
    ~forked() { kill(); }

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

    /// Whether the child told something within ten seconds, and before it ended.
    [[nodiscard]] bool hear() const {
        pollfd waiting{from_child_.get(), POLLIN, 0};
        char byte = 0;
        return ::poll(&waiting, 1, 10'000) == 1 && ::read(from_child_.get(), &byte, 1) == 1;
    }

    /// The status it exits with; -1: by a signal.
    int wait() {
        if (!status_) {
            int status = 0;
            if (::waitpid(pid_, &status, 0) != pid_) throw std::runtime_error{"waitpid"};
            status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        }
        return *status_;
    }

    void kill() {
        if (status_) return;
        ::kill(pid_, SIGKILL);
        wait();
    }

  private:
    file_descriptor from_child_;
    pid_t pid_ = -1;
    std::optional<int> status_;
};

} // namespace fwknop::daemon::test
