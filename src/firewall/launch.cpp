// SPDX-License-Identifier: Apache-2.0
#include "firewall/launch.hpp"

#include "firewall/iptables_programs.hpp"

#include <array>
#include <vector>

namespace fwknop {

int launch(const std::string& path, std::span<const std::string> arguments,
           const std::optional<child_identity>& run_as, int input, int output, int errors,
           pid_t& pid) {
    const std::string search_path = "PATH=" + std::string{default_program_path};
    std::array environment{const_cast<char*>(search_path.c_str()), const_cast<char*>("LC_ALL=C"),
                           static_cast<char*>(nullptr)};
    std::vector<char*> words{const_cast<char*>(path.c_str())};
    for (const std::string& each : arguments) words.push_back(const_cast<char*>(each.c_str()));
    words.push_back(nullptr);
    const child_start what{path.c_str(), words.data(), environment.data(), input, output, errors};
    return run_as ? spawn_as(*run_as, what, pid) : spawn(what, pid);
}

} // namespace fwknop
