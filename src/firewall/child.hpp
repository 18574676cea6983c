// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/spawn_as.hpp"

#include <fwknop/secret.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace fwknop {

struct child_command {
    std::string path;                   ///< absolute; never searched for, never through a shell
    std::vector<std::string> arguments; ///< without the program's own name
    std::string input;                  ///< its standard input, whole
    /// What stands in its place where it is secret.
    std::shared_ptr<const secret_bytes> secret_input = nullptr;
    std::chrono::milliseconds time_limit = std::chrono::seconds{10}; ///< then SIGKILL
    std::size_t max_output = 64 * 1024;                  ///< bytes of standard output that are kept
    std::size_t max_errors = 64 * 1024;                  ///< bytes of standard error that are kept
    std::optional<child_identity> run_as = std::nullopt; ///< none: as we are
    /// Told the process id before anything else of the child can be heard of.
    std::function<void(pid_t)> started = nullptr;
};

enum class child_end {
    not_started, ///< `errors` has the system's reason
    exited,      ///< `code` is its exit status
    signalled,   ///< `code` is the signal
    time_limit,  ///< it did not finish in time and was killed
    cancelled,   ///< the caller was cancelled; it was killed
};

struct child_result {
    child_end end = child_end::not_started;
    int code = 0;
    std::string output;
    std::string errors;
    bool output_cut = false; ///< there was more than `max_output`; the rest was read and dropped

    [[nodiscard]] bool ok() const noexcept { return end == child_end::exited && code == 0; }
    /// What a program that changes something has done is unknown.
    [[nodiscard]] bool uncertain() const noexcept {
        return end == child_end::signalled || end == child_end::time_limit ||
               end == child_end::cancelled;
    }
};

/// What went wrong, for people: the program's own words if it said any, else how it ended.
[[nodiscard]] std::string describe_failure(const child_command& command,
                                           const child_result& result);

/// Runs a program to its end without blocking: environment PATH and LC_ALL=C only, working
/// directory /, default signal handling, a process group of its own (a kill reaches what it
/// started), no descriptor but the standard three. It is always reaped, needs no SIGCHLD handler,
/// and what it started and left behind does not hold up the result. Where the executor's context
/// has a `helper_access`, the helper starts it, and may refuse to. Cancelling kills it. Nothing is
/// thrown but, as ever in Asio, from the await of a coroutine that was cancelled before.
[[nodiscard]] boost::asio::awaitable<child_result> run_child(child_command command);

} // namespace fwknop
