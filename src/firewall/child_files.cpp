// SPDX-License-Identifier: Apache-2.0
#include "firewall/child_files.hpp"

#include <array>
#include <cerrno>
#include <cstddef>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

namespace fwknop {

descriptor::descriptor(int value) : value_{value} {
    if (value_ < 0 || value_ > 2) return;
    const int higher = ::fcntl(value_, F_DUPFD_CLOEXEC, 3);
    ::close(value_);
    value_ = higher;
}

descriptor_pair make_pipe() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
    descriptor_pair made{descriptor{ends[0]}, descriptor{ends[1]}};
    if (made.first) ::fcntl(made.first.get(), F_SETFL, O_NONBLOCK);
    return made;
}

descriptor_pair make_channel() {
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0)
        return {};
    return {descriptor{ends[0]}, descriptor{ends[1]}};
}

bool is_passing(int error) noexcept {
    return error == EAGAIN || error == EINTR || error == ENOMEM || error == ENOBUFS;
}

descriptor make_input(std::string_view text) {
    descriptor file{::memfd_create("input", MFD_CLOEXEC)};
    if (!file) return file;
    while (!text.empty()) {
        const ssize_t written = ::write(file.get(), text.data(), text.size());
        if (written < 0) {
            if (errno == EINTR) continue;
            return {};
        }
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    // Else it would read nothing, and do nothing with success.
    if (::lseek(file.get(), 0, SEEK_SET) != 0) return {};
    return file;
}

std::optional<std::string> read_whole(int file, std::size_t most) {
    std::string text;
    std::array<char, 16 * 1024> chunk{};
    for (;;) {
        const ssize_t size =
            ::pread(file, chunk.data(), chunk.size(), static_cast<off_t>(text.size()));
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return std::nullopt;
        if (size == 0) return text;
        text.append(chunk.data(), static_cast<std::size_t>(size));
        if (text.size() > most) return std::nullopt;
    }
}

// By its number: the declaration in glibc 2.36 does not link from C++.
descriptor watch_end(pid_t pid) {
    return descriptor{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
}

} // namespace fwknop
