// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <sys/types.h>

namespace fwknop {

/// Whom a child runs as.
struct child_identity {
    uid_t user = 0;
    gid_t group = 0;
    std::vector<gid_t> groups; ///< supplementary ones; all others are given up

    friend bool operator==(const child_identity&, const child_identity&) = default;
};

/// Whether both are the same to the kernel: the order of the groups, one that is named twice, and
/// whether the first is among them make no difference.
[[nodiscard]] bool same_account(const child_identity& one, const child_identity& other);

/// What a child gets. The descriptors are above 2.
struct child_start {
    const char* path;
    char* const* arguments;
    char* const* environment;
    int input, output, errors;
};

/// Starts a child as we are, in / and in a process group of its own, with the standard three
/// descriptors only and no signal blocked, ignored or handled. Returns 0, or the system's error
/// number.
[[nodiscard]] int spawn(const child_start& what, pid_t& pid);

/// What posix_spawn cannot do: the same as somebody else, who gets none of our capabilities,
/// neither if it is ourselves (but root, as ever, has what its programs may have at all). All of
/// the identity is taken on, or the child never begins; where it is ours already nothing needs a
/// privilege. It is killed when we end, unless it changes its account (sudo). Returns 0, or the
/// system's error number.
[[nodiscard]] int spawn_as(const child_identity& who, const child_start& what, pid_t& pid);

} // namespace fwknop
