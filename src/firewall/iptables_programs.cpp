// SPDX-License-Identifier: Apache-2.0
#include "firewall/iptables_programs.hpp"

#include <algorithm>
#include <cstddef>

#include <unistd.h>

namespace fwknop {

namespace {

iptables_family_programs siblings_of(const std::string& iptables) {
    return {iptables, iptables + "-restore", iptables + "-save"};
}

const std::string* first_missing(const iptables_family_programs& programs,
                                 const std::function<bool(const std::string&)>& exists) {
    for (const std::string* path : {&programs.iptables, &programs.restore, &programs.save})
        if (!exists(*path)) return path;
    return nullptr;
}

std::optional<std::string> search(std::string_view name, std::string_view path,
                                  const std::function<bool(const std::string&)>& exists) {
    while (!path.empty()) {
        const std::size_t end = std::min(path.find(':'), path.size());
        const std::string directory{path.substr(0, end)};
        path.remove_prefix(std::min(end + 1, path.size()));
        if (!directory.starts_with('/')) continue; // never from the working directory
        std::string candidate = directory + '/' + std::string{name};
        if (exists(candidate)) return candidate;
    }
    return std::nullopt;
}

bool can_run(const std::string& path) {
    return ::access(path.c_str(), X_OK) == 0;
}

} // namespace

iptables_programs find_iptables_programs(std::string_view firewall_exe,
                                         std::string_view search_path,
                                         const std::function<bool(const std::string&)>& exists) {
    iptables_programs found;
    std::string iptables{firewall_exe};
    if (iptables.empty()) {
        auto path = search("iptables", search_path, exists);
        if (!path) path = search("iptables", default_program_path, exists);
        if (!path) {
            found.error = "iptables is not installed: install the package iptables, or set "
                          "FIREWALL_EXE to its path";
            return found;
        }
        iptables = *path;
    }

    const std::size_t name = iptables.rfind('/') + 1; // 0 if there is no slash
    if (name == 0 || !std::string_view{iptables}.substr(name).starts_with("iptables")) {
        found.error = "FIREWALL_EXE is '" + iptables +
                      "': give the absolute path of iptables or of one of its variants, e.g. "
                      "/usr/sbin/iptables or /usr/sbin/iptables-legacy";
        return found;
    }

    found.v4 = siblings_of(iptables);
    if (const std::string* missing = first_missing(found.v4, exists)) {
        found.error = *missing + " is not there or cannot be run: install the package iptables, "
                                 "or set FIREWALL_EXE to the path of iptables";
        return found;
    }

    // iptables -> ip6tables, iptables-legacy -> ip6tables-legacy
    const auto v6 = siblings_of(std::string{iptables}.insert(name + 2, "6"));
    if (const std::string* missing = first_missing(v6, exists))
        found.notice = *missing + " is not there or cannot be run: IPv6 is not handled";
    else
        found.v6 = v6;
    return found;
}

iptables_programs find_iptables_programs(std::string_view firewall_exe,
                                         std::string_view search_path) {
    return find_iptables_programs(firewall_exe, search_path, can_run);
}

std::optional<std::string> find_program(std::string_view name, std::string_view search_path) {
    const std::function<bool(const std::string&)> exists = can_run;
    return search(name, search_path, exists);
}

} // namespace fwknop
