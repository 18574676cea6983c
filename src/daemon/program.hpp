// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/stanza.hpp"
#include "firewall/child.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace fwknop::daemon {

/// Bytes kept of each of a program's two outputs, for the log. The rest is read and dropped.
inline constexpr std::size_t max_program_output = 4096;

/// A program that the configuration or a client names.
struct program {
    std::vector<std::string> words; ///< never empty; the first is searched for unless it has a `/`
    std::optional<account> run_as;  ///< none: as the daemon is
    std::chrono::seconds time_limit{0};
};

/// The account as those that start programs know it.
[[nodiscard]] child_identity identity_of(const account& who);

/// How it ended, with the words for the log.
struct program_result {
    child_result child;
    std::string problem; ///< empty: exit status 0
};

/// Runs it to its end as `run_child` does. Searched for in a fixed path, never in the working
/// directory.
[[nodiscard]] boost::asio::awaitable<program_result> run_program(program what);

} // namespace fwknop::daemon
