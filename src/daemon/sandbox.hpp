// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

// The system calls that the running daemon makes, and no others: a filter in the kernel
// (seccomp(2)) that cannot be taken off again.
//
// What only somebody who has taken the daemon over would call, such as to execute a program, ends
// it at once: an exploited daemon must not run on. Anything else that is not on the list is refused
// with ENOSYS, so that a C library that tries something newer falls back to what it knows, and
// nobody is locked out by an update. The kernel logs both (audit, type SECCOMP).

namespace fwknop::daemon {

/// Calls that are allowed whatever their arguments.
[[nodiscard]] std::span<const std::string_view> allowed_calls() noexcept;

/// Calls that end the daemon.
[[nodiscard]] std::span<const std::string_view> fatal_calls() noexcept;

/// From now on, for good, for this process and all its threads. To be called after
/// `forbid_new_privileges`. Throws std::runtime_error, with the remedy, when the kernel has no such
/// filter.
void enter_sandbox();

} // namespace fwknop::daemon
