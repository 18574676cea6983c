// SPDX-License-Identifier: Apache-2.0
#include "daemon/background.hpp"

#include <array>
#include <cstdlib>
#include <stdexcept>

#include <fcntl.h>
#include <unistd.h>

namespace fwknop::daemon {

background::background() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error{"[*] Cannot make a pipe"};
    const file_descriptor from_child{ends[0]};
    to_parent_ = file_descriptor{ends[1]};

    const pid_t child = ::fork();
    if (child < 0) throw std::runtime_error{"[*] Cannot fork into the background"};
    if (child > 0) {
        to_parent_ = file_descriptor{};
        char word = 0;
        // One byte: started. The end of the pipe: the child is gone, and has said why.
        std::_Exit(::read(from_child.get(), &word, 1) == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    ::setsid();
}

void background::started() {
    if (::chdir("/") != 0) throw std::runtime_error{"[*] Cannot change to /"};
    const file_descriptor null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (!null || ::dup2(null.get(), standard) < 0) {
            throw std::runtime_error{"[*] Cannot open /dev/null"};
        }
    }
    const char word = 1;
    if (::write(to_parent_.get(), &word, 1) != 1) {
        throw std::runtime_error{"[*] Cannot tell the starting process"};
    }
    to_parent_ = file_descriptor{};
}

} // namespace fwknop::daemon
