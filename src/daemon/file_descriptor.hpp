// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

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

} // namespace fwknop::daemon
