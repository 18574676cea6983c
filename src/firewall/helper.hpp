// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/child_files.hpp"
#include "firewall/helper_request.hpp"

#include <cstddef>
#include <functional>

#include <sys/types.h>

// The process that starts programs for the daemon, so that the daemon itself can do without: what
// reads packets of strangers may neither fork nor execute, and has no power over other accounts.
// The bounds of a request are looked at, its program and arguments or its account, and in a script
// for the packet filter what would make its program start others.

namespace fwknop {

/// Children of a helper at one time: 16 commands, some cycles, GPG workers, look-ups of names and
/// the packet filter's program leave much room below.
inline constexpr std::size_t max_helper_children = 200;

/// Of a script that the helper looks through before it hands it on: a hundred thousand rules.
inline constexpr std::size_t max_helper_input = std::size_t{32} * 1024 * 1024; ///< bytes

/// What a child may take beyond its time limit, which is the daemon's to enforce, before the helper
/// does, so that nothing runs on when the daemon is gone.
inline constexpr std::chrono::seconds helper_grace{2};

/// The helper's loop: reads requests from `requests`, until the other end is closed and the last
/// child has ended. Returns the exit status.
[[nodiscard]] int run_helper(descriptor requests, const helper_rules& rules);

/// A helper that was started. When it is let go of, its requests end, and it has a moment to end.
class helper {
  public:
    /// Forks; to be called while there is one thread. In the new process, which keeps none of our
    /// descriptors, ignores the terminal's and the service manager's signals and dies unheard,
    /// `prepare` is called before all else: for giving up what it must not have. Throws
    /// std::runtime_error when that process cannot be made, or has not come through `prepare`.
    helper(const helper_rules& rules, const std::function<void()>& prepare);
    helper(helper&&) = delete;
    helper& operator=(helper&&) = delete;
    helper(const helper&) = delete;
    helper& operator=(const helper&) = delete;
    ~helper();

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

    /// For `helper_access`, once.
    [[nodiscard]] descriptor take_requests() noexcept { return std::move(requests_); }

  private:
    pid_t pid_ = -1;
    descriptor requests_;
};

} // namespace fwknop
