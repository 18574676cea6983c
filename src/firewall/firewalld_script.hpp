// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

// What iptables-restore and iptables-save do, in terms of iptables: all that firewalld's direct
// passthrough knows.

namespace fwknop {

/// One call of iptables.
struct firewalld_call {
    std::vector<std::string> arguments;
    std::vector<std::string> otherwise; ///< what to try if that fails; empty: nothing
    bool changes = true;                ///< false: it only checks
};

/// The lines of a script for `iptables-restore --noflush`. Without a first line that names a table
/// the lines are passed on as they are.
[[nodiscard]] std::vector<firewalld_call> firewalld_calls(std::string_view script);

/// What `iptables -S` prints, in the form of `iptables-save`.
[[nodiscard]] std::string as_saved(std::string_view listed, std::string_view table);

} // namespace fwknop
