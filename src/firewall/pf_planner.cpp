// SPDX-License-Identifier: Apache-2.0
#include "firewall/pf_planner.hpp"

#include "core/spa/text.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

namespace fwknop {

namespace {

class anchor_text {
  public:
    void add(const grant_key& key, unix_time expires) {
        for (const pf_rule& rule : pf_rules_of(key, expires))
            (rule.action == pf_action::pass ? filter_ : translation_) += to_text(rule) + "\n";
    }
    // pf refuses a ruleset with a translation rule behind a filter rule.
    [[nodiscard]] std::string take() { return std::move(translation_) + filter_; }

  private:
    std::string translation_;
    std::string filter_;
};

// Puts rules together to grants again: guesses a grant from its telling rule, and takes it if all
// its rules are there.
class joiner {
  public:
    void add(std::string_view listing, const port_finder& find) {
        std::istringstream lines{std::string{listing}};
        for (std::string line; std::getline(lines, line);) {
            if (line.find_first_not_of(" \t\r") == line.npos) continue;
            if (const auto rule = parse_pf_rule(line, find))
                rules_.emplace(to_text(*rule), *rule);
            else
                ++result_.unknown;
        }
    }

    pf_adoption join() {
        for (const pf_action action : {pf_action::rdr, pf_action::pass}) {
            // Taken grants leave the set while we walk.
            for (const auto& [text, rule] : std::map{rules_})
                if (rule.action == action && rules_.contains(text)) guess(rule);
        }
        result_.unknown += rules_.size();
        return std::move(result_);
    }

  private:
    void guess(const pf_rule& rule) {
        if (rule.action == pf_action::pass) {
            if (rule.inbound && rule.protocol && rule.port)
                take({rule.source, rule.destination, {*rule.protocol, *rule.port}}, rule.expires);
            return;
        }
        nat_route route;
        route.inside.address = *rule.target;
        route.inside.port = rule.target_port.value_or(0);
        route.all_ports = !rule.port;
        route.local = !rule.passes;
        const service door{rule.protocol.value_or(protocol::tcp), rule.port.value_or(0)};
        const grant_key key{rule.source, rule.destination, door, route};
        if (route.local) {
            guess_local(key, rule.expires);
            return;
        }
        // With a translation of the source if there is one; local ones have no filter rule.
        if (guess_source(key, rule.expires) || take(key, rule.expires)) return;
        if (route.all_ports) return;
        grant_key local = key;
        local.nat->local = true;
        take(local, rule.expires);
    }

    bool guess_source(grant_key key, unix_time expires) {
        for (const auto& [text, rule] : rules_) {
            if (rule.action != pf_action::nat || rule.expires != expires ||
                rule.destination != key.nat->inside.address)
                continue;
            key.nat->translate_source = source_translation::address;
            key.nat->source_address = *rule.target;
            if (take(key, expires)) return true;
        }
        return false;
    }

    // All ports of this host to one address, of which a filter rule names the port.
    void guess_local(grant_key key, unix_time expires) {
        for (const auto& [text, rule] : rules_) {
            if (rule.action != pf_action::pass || rule.expires != expires || !rule.port ||
                rule.source != key.source || rule.destination != key.nat->inside.address)
                continue;
            key.nat->inside.port = *rule.port;
            key.door = {*rule.protocol, *rule.port};
            if (take(key, expires)) return;
        }
    }

    bool take(const grant_key& raw, unix_time expires) {
        const auto key = make_grant_key(raw.source, raw.destination, raw.door, raw.nat);
        const auto rules = pf_rules_of(key, expires);
        if (rules.empty() || !std::ranges::all_of(rules, [this](const pf_rule& rule) {
                return rules_.contains(to_text(rule));
            }))
            return false;
        for (const pf_rule& rule : rules) rules_.erase(to_text(rule));
        result_.grants.push_back({key, expires});
        return true;
    }

    std::map<std::string, pf_rule> rules_; ///< by their text
    pf_adoption result_;
};

} // namespace

std::string plan_pf_anchor(const grant_table& wanted) {
    std::vector<grant> grants;
    for (const ip_family family : {ip_family::v4, ip_family::v6})
        wanted.for_each(family, [&grants](const grant& each) { grants.push_back(each); });
    std::ranges::sort(grants, {}, &grant::order);
    anchor_text text;
    for (const grant& each : grants) text.add(each.key, each.expires);
    return text.take();
}

std::string plan_pf_anchor(const std::vector<adopted_grant>& grants) {
    anchor_text text;
    for (const adopted_grant& each : grants) text.add(each.key, each.expires);
    return text.take();
}

pf_adoption adopt_pf_anchor(std::string_view translation, std::string_view filter,
                            const port_finder& find) {
    joiner all;
    all.add(translation, find);
    all.add(filter, find);
    return all.join();
}

bool lists_pf_anchor(std::string_view listing, std::string_view anchor) {
    std::istringstream names{std::string{listing}};
    for (std::string name; names >> name;)
        if (name == anchor) return true;
    return false;
}

bool links_pf_anchor(std::string_view listing, std::string_view kind, std::string_view anchor) {
    const std::string quoted = '"' + std::string{anchor} + '"';
    std::istringstream lines{std::string{listing}};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words{line};
        std::string first;
        std::string name;
        words >> first >> name;
        if (first == kind && (name == quoted || name == "\"*\"")) return true;
    }
    return false;
}

std::string pf_anchor_fault(std::string_view anchor) {
    const auto is_plain = [](char c) {
        return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '_' || c == '-' ||
               c == '.' || c == '/';
    };
    if (anchor.empty() || !std::ranges::all_of(anchor, is_plain) || anchor.front() == '-' ||
        anchor.front() == '/' || anchor.back() == '/' || anchor.find("//") != anchor.npos)
        return "'" + escaped(anchor) +
               "' is no name of an anchor, need letters, digits and _-. with / between parts";
    if (anchor.front() == '_')
        return "'" + std::string{anchor} + "' begins with _, which pf keeps for its own anchors";
    return {};
}

} // namespace fwknop
