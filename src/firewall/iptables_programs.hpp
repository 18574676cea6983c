// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace fwknop {

/// Where programs are looked for when the environment has no PATH, and the PATH that child
/// processes get.
inline constexpr std::string_view default_program_path =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The path of the program `name`, the first of `search_path` (colons between directories, of which
/// only absolute ones count) that can be run.
[[nodiscard]] std::optional<std::string> find_program(std::string_view name,
                                                      std::string_view search_path);

/// The three programs of one address family, as absolute paths.
struct iptables_family_programs {
    std::string iptables;
    std::string restore;
    std::string save;
};

struct iptables_programs {
    iptables_family_programs v4;
    std::optional<iptables_family_programs> v6; ///< none: IPv6 is not handled
    std::string error;  ///< not empty: IPv4's programs are missing; says what to do
    std::string notice; ///< not empty: IPv6's are missing
};

/// Finds `iptables`, `iptables-restore`, `iptables-save` and their IPv6 twins. `firewall_exe`
/// (FIREWALL_EXE) is the path of `iptables` or of a variant such as `iptables-legacy`, whose
/// siblings are then used; empty: searched for along `search_path` (colons between directories).
/// `exists` tells whether a path is a program that can be run.
[[nodiscard]] iptables_programs
find_iptables_programs(std::string_view firewall_exe, std::string_view search_path,
                       const std::function<bool(const std::string&)>& exists);

/// The same, asking the file system.
[[nodiscard]] iptables_programs find_iptables_programs(std::string_view firewall_exe,
                                                       std::string_view search_path);

} // namespace fwknop
