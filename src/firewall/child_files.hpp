// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <unistd.h>

namespace fwknop {

/// Owns a file descriptor that a child gets or that tells of it. Never one of 0, 1, 2: those get
/// replaced in the child.
class descriptor {
  public:
    descriptor() = default;
    explicit descriptor(int value);
    descriptor(descriptor&& other) noexcept : value_{std::exchange(other.value_, -1)} {}
    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() {
        if (value_ >= 0) ::close(value_);
    }

    [[nodiscard]] int get() const noexcept { return value_; }
    [[nodiscard]] int release() noexcept { return std::exchange(value_, -1); }
    [[nodiscard]] explicit operator bool() const noexcept { return value_ >= 0; }

  private:
    int value_ = -1;
};

/// Both ends of a pipe or of a pair of sockets, closed on exec. Where it cannot be made both are
/// empty, and errno says why.
struct descriptor_pair {
    descriptor first;
    descriptor second;

    [[nodiscard]] explicit operator bool() const noexcept { return first && second; }
};

/// A pipe: `first` is read, without blocking; `second` is written.
[[nodiscard]] descriptor_pair make_pipe();

/// Two ends of a local connection that keeps messages apart, neither of which blocks.
[[nodiscard]] descriptor_pair make_channel();

/// Whether what a channel refused to give with `error` may come with the next try.
[[nodiscard]] bool is_passing(int error) noexcept;

/// A file in memory with `text`, to be read from its start: a child that never reads its input
/// cannot hold us up, and there is no pipe to break. Empty, with errno, if it cannot be made.
[[nodiscard]] descriptor make_input(std::string_view text);

/// All of a regular file, from its start; none if it is longer than `most` or cannot be read.
[[nodiscard]] std::optional<std::string> read_whole(int file, std::size_t most);

/// Readable when the child `pid`, which is not reaped yet, has ended.
[[nodiscard]] descriptor watch_end(pid_t pid);

} // namespace fwknop
