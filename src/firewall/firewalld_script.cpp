// SPDX-License-Identifier: Apache-2.0
#include "firewall/firewalld_script.hpp"

#include "firewall/iptables_rule.hpp"

#include <algorithm>
#include <utility>

namespace fwknop {

namespace {

std::string_view take_line(std::string_view& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

std::vector<std::string> in_table(std::string_view table) {
    if (table.empty()) return {};
    return {"-t", std::string{table}};
}

} // namespace

std::vector<firewalld_call> firewalld_calls(std::string_view script) {
    std::vector<firewalld_call> calls;
    std::string table;
    while (!script.empty()) {
        const std::string_view line = take_line(script);
        if (line.empty() || line == "COMMIT") continue;
        if (line.starts_with('*')) {
            table = line.substr(1);
            continue;
        }
        firewalld_call call;
        if (line.starts_with(':')) {
            const std::string chain{line.substr(1, line.find(' ') - 1)};
            call.arguments = {"-t", table, "-F", chain};
            call.otherwise = {"-t", table, "-N", chain};
        } else {
            call.arguments = in_table(table);
            for (std::string& word : iptables_words(line))
                call.arguments.push_back(std::move(word));
            call.changes = !line.starts_with("-C ");
        }
        calls.push_back(std::move(call));
    }
    return calls;
}

std::string as_saved(std::string_view listed, std::string_view table) {
    std::string text = "*" + std::string{table} + "\n";
    while (!listed.empty()) {
        const std::string_view line = take_line(listed);
        if (line.starts_with("-P ") || line.starts_with("-N ")) {
            const std::string_view chain = line.substr(3, line.find(' ', 3) - 3);
            text.append(":").append(chain).append(" - [0:0]\n");
        } else if (line.starts_with("-A ")) {
            text.append(line).append("\n");
        }
    }
    return text + "COMMIT\n";
}

} // namespace fwknop
