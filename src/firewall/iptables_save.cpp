// SPDX-License-Identifier: Apache-2.0
#include "firewall/iptables_save.hpp"

#include "firewall/iptables_rule.hpp"

#include <algorithm>
#include <functional>

namespace fwknop {

namespace {

std::string_view take_line(std::string_view& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

} // namespace

iptables_table iptables_table::parse(std::string_view text, std::string_view table) {
    iptables_table parsed;
    bool inside = false;
    while (!text.empty()) {
        std::string_view line = take_line(text);
        if (line.starts_with('*')) {
            inside = line.substr(1) == table;
        } else if (!inside) {
            continue;
        } else if (line == "COMMIT") {
            inside = false;
        } else if (line.starts_with(':')) {
            line.remove_prefix(1);
            parsed.chains_.try_emplace(std::string{line.substr(0, line.find(' '))});
        } else if (line.starts_with("-A ")) {
            line.remove_prefix(3);
            const std::size_t end = std::min(line.find(' '), line.size());
            auto& rules = parsed.chains_[std::string{line.substr(0, end)}];
            rules.emplace_back(line.substr(std::min(end + 1, line.size())));
        }
    }
    return parsed;
}

bool iptables_table::has_chain(std::string_view chain) const {
    return chains_.contains(chain);
}

const std::vector<std::string>& iptables_table::rules(std::string_view chain) const {
    static const std::vector<std::string> none;
    const auto found = chains_.find(chain);
    return found == chains_.end() ? none : found->second;
}

std::size_t iptables_table::count_jumps(std::string_view from, std::string_view to) const {
    const std::string jump = "-j " + std::string{to};
    return static_cast<std::size_t>(std::ranges::count(rules(from), jump));
}

std::size_t iptables_table::count_references(std::string_view chain) const {
    std::size_t count = 0;
    for (const auto& [name, rules] : chains_)
        for (const std::string& rule : rules)
            if (rule.find(chain) != rule.npos && iptables_rule_target(rule) == chain) ++count;
    return count;
}

} // namespace fwknop
