// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace fwknop::daemon {

/// Owns one POSIX file descriptor.
class file_descriptor {
  public:
    file_descriptor() noexcept = default;
    explicit file_descriptor(int fd) noexcept : fd_{fd} {}
    file_descriptor(file_descriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    file_descriptor& operator=(file_descriptor&& other) noexcept {
        file_descriptor old{std::exchange(fd_, std::exchange(other.fd_, -1))};
        return *this;
    }
    file_descriptor(const file_descriptor&) = delete;
    file_descriptor& operator=(const file_descriptor&) = delete;
    ~file_descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }

    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

  private:
    int fd_ = -1;
};

/// Fills standard input, output and error with /dev/null where they are closed: else the next file
/// that is opened takes the number, and the log is written into it. False when that fails.
[[nodiscard]] inline bool hold_standard_descriptors() noexcept {
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(standard, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) != standard) return false;
    }
    return true;
}

} // namespace fwknop::daemon
