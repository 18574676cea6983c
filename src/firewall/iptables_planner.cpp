// SPDX-License-Identifier: Apache-2.0
#include "firewall/iptables_planner.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace fwknop {

namespace {

struct our_chain : iptables_layout::chain {
    role_set all; ///< roles that the layout has chains for; the mirror may be missing

    /// Nothing if the grant has no rule here, or cannot have all that it needs: half a grant would
    /// open what nothing translates.
    [[nodiscard]] std::optional<std::string> text(const grant_key& key, unix_time expires) const {
        if (!all.contains_all(roles_of(key.nat))) return std::nullopt;
        const auto rule = grant_rule(role, key, expires, spec->target);
        if (!rule) return std::nullopt;
        return to_text(*rule);
    }
};

std::vector<our_chain> chains_of(const iptables_layout& layout, std::string_view table) {
    role_set all{rule_role::output};
    for (const auto& chain : layout.chains()) all.add(chain.role);
    std::vector<our_chain> chains;
    for (const auto& chain : layout.chains())
        if (chain.spec->table == table) chains.push_back({chain, all});
    return chains;
}

// How often a rule is there or should be: rules of two grants may be the same.
using rule_counts = std::unordered_map<std::string, std::size_t>;

bool take_one(rule_counts& counts, const std::string& text) {
    const auto found = counts.find(text);
    if (found == counts.end() || found->second == 0) return false;
    --found->second;
    return true;
}

rule_counts rules_of(const grant_table& wanted, ip_family family, const our_chain& chain) {
    rule_counts rules;
    wanted.for_each(family, [&](const grant& live) {
        if (auto text = chain.text(live.key, live.expires)) ++rules[*std::move(text)];
    });
    return rules;
}

class script {
  public:
    explicit script(std::string_view table) : head_{"*" + std::string{table} + "\n"} {}

    void line(std::string_view command, std::string_view chain, std::string_view rest) {
        body_.append(command).append(" ").append(chain);
        if (!rest.empty()) body_.append(" ").append(rest);
        body_.append("\n");
    }
    void add(const iptables_layout& layout, const our_chain& chain, std::string_view text) {
        line(layout.prepend ? "-I" : "-A", chain.spec->to_chain, text);
    }
    void remove(const our_chain& chain, std::string_view text) {
        line("-D", chain.spec->to_chain, text);
    }

    void check_jump(const chain_spec& spec) {
        head_.append("-C ").append(spec.from_chain).append(" -j ").append(spec.to_chain);
        head_.append("\n");
    }

    /// Nothing to do; checks alone do not count.
    [[nodiscard]] bool empty() const noexcept { return body_.empty(); }
    [[nodiscard]] std::string text() const {
        return body_.empty() ? std::string{} : head_ + body_ + "COMMIT\n";
    }

  private:
    std::string head_; ///< table and checks
    std::string body_;
};

// A position past the end is refused by iptables; the administrator meant "at the end".
void insert_jump(script& out, slow_plan& plan, const chain_spec& spec,
                 const iptables_table& saved) {
    const auto made = std::ranges::count(plan.jumps, spec.from_chain, &added_jump::from);
    const int last =
        static_cast<int>(saved.rules(spec.from_chain).size()) + static_cast<int>(made) + 1;
    out.line("-I", spec.from_chain,
             std::to_string(std::clamp(spec.jump_position, 1, last)) + " -j " + spec.to_chain);
    plan.jumps.push_back({spec.from_chain, spec.to_chain});
}

} // namespace

std::vector<iptables_layout::chain> iptables_layout::chains() const {
    std::vector<chain> all{{&input, rule_role::input}};
    const auto add = [&all](const std::optional<chain_spec>& spec, rule_role role) {
        if (spec) all.push_back({&*spec, role});
    };
    add(output, rule_role::output);
    add(forward, rule_role::forward);
    add(dnat, rule_role::dnat);
    add(snat, rule_role::snat);
    add(masquerade, rule_role::masquerade);
    return all;
}

std::vector<std::string> iptables_layout::tables() const {
    std::vector<std::string> names;
    for (const chain& each : chains())
        if (std::ranges::find(names, each.spec->table) == names.end())
            names.push_back(each.spec->table);
    return names;
}

std::vector<table_script> plan_batch(const iptables_layout& layout, ip_family family,
                                     const change_batch& batch) {
    std::vector<table_script> scripts;
    for (const std::string& table : layout.tables()) {
        script body{table};
        for (const our_chain& chain : chains_of(layout, table)) {
            body.check_jump(*chain.spec);
            for (const change& step : batch.changes) {
                if (step.key.source.family() != family) continue;
                const auto text = chain.text(step.key, step.expires);
                if (!text) continue;
                if (step.kind == change_kind::remove)
                    body.remove(chain, *text);
                else
                    body.add(layout, chain, *text);
                if (step.kind == change_kind::extend)
                    body.remove(chain, *chain.text(step.key, step.previous));
            }
            for (const tagged_rule& rule : batch.tagged)
                if (rule.family == family && rule.table == table &&
                    rule.chain == chain.spec->to_chain)
                    body.line("-D", rule.chain, rule.text);
        }
        if (!body.empty()) scripts.push_back({table, body.text()});
    }
    return scripts;
}

slow_plan plan_repair(const iptables_layout& layout, ip_family family, std::string_view table,
                      const iptables_table& saved, const change_batch& batch,
                      const grant_table& wanted, moment now) {
    slow_plan plan;
    script out{table};

    std::unordered_set<grant_key> fresh;
    for (const change& step : batch.changes)
        if (step.kind != change_kind::remove) fresh.insert(step.key);

    // Only who knocks gets back what somebody removed: an administrator who flushed our chain in an
    // emergency must not find it full again because some grant was over.
    const bool opens = std::ranges::any_of(
        fresh, [family](const grant_key& key) { return key.source.family() == family; });

    for (const our_chain& chain : chains_of(layout, table)) {
        const std::string& name = chain.spec->to_chain;
        if (!saved.has_chain(name)) {
            if (!opens) continue;
            out.line("-N", name, {});
            plan.repairs.push_back("chain " + name + " was missing and is made again");
        }
        if (opens && saved.count_jumps(chain.spec->from_chain, name) == 0)
            insert_jump(out, plan, *chain.spec, saved);

        std::unordered_set<std::string> unwanted;
        for (const change& step : batch.changes) {
            if (step.kind == change_kind::add) continue;
            const bool extends = step.kind == change_kind::extend;
            if (auto text = chain.text(step.key, extends ? step.previous : step.expires))
                unwanted.insert(*std::move(text));
        }
        rule_counts wanting = rules_of(wanted, family, chain);

        rule_counts present;
        for (const std::string& text : saved.rules(name)) {
            const auto rule = parse_iptables_rule(text, family);
            const std::string ours = rule ? to_text(*rule) : std::string{};
            if (rule && take_one(wanting, ours)) {
                ++present[ours];
                continue;
            }
            const auto expires = iptables_rule_expiry(text);
            const bool named = std::ranges::any_of(batch.tagged, [&](const tagged_rule& tagged) {
                return tagged.family == family && tagged.table == table && tagged.chain == name &&
                       tagged.text == text;
            });
            if ((rule && unwanted.contains(ours)) || named || (expires && *expires <= now.wall))
                out.line("-D", name, text);
        }

        if (!opens) continue;
        std::size_t restored = 0;
        wanted.for_each(family, [&](const grant& live) {
            const auto text = chain.text(live.key, live.expires);
            if (!text || take_one(present, *text)) return;
            out.add(layout, chain, *text);
            if (!fresh.contains(live.key)) ++restored;
        });
        if (restored != 0)
            plan.repairs.push_back(std::to_string(restored) + " missing rule" +
                                   (restored == 1 ? " is" : "s are") + " written again to " + name);
    }
    plan.script = out.text();
    return plan;
}

std::vector<tagged_rule> find_tagged(const iptables_layout& layout, ip_family family,
                                     std::string_view table, const iptables_table& saved,
                                     const grant_table& wanted) {
    std::vector<tagged_rule> found;
    for (const our_chain& chain : chains_of(layout, table)) {
        const std::string& name = chain.spec->to_chain;
        rule_counts ours = rules_of(wanted, family, chain);
        const auto& rules = saved.rules(name);
        for (std::size_t i = 0; i < rules.size(); ++i) {
            const auto rule = parse_iptables_rule(rules[i], family);
            if (rule && take_one(ours, to_text(*rule))) continue; // most of them, as a rule
            const auto expires = iptables_rule_expiry(rules[i]);
            if (!expires) continue;
            found.push_back({family, std::string{table}, name, i + 1, rules[i], *expires});
        }
    }
    return found;
}

slow_plan plan_start(const iptables_layout& layout, ip_family family, std::string_view table,
                     const iptables_table& saved, bool flush, moment now) {
    slow_plan plan;
    script out{table};
    for (const our_chain& chain : chains_of(layout, table)) {
        const std::string& name = chain.spec->to_chain;
        if (flush) {
            out.line(":" + name, "-", "[0:0]"); // makes the chain, or empties it
        } else if (!saved.has_chain(name)) {
            out.line("-N", name, {});
        }
        if (saved.count_jumps(chain.spec->from_chain, name) == 0)
            insert_jump(out, plan, *chain.spec, saved);
        if (flush) continue;

        // Of a grant's rules the latest is adopted; the others would be nobody's. With NAT two
        // grants may share a rule, and which is whose shows only when all are put together.
        const bool unique = chain.role == rule_role::input || chain.role == rule_role::output;
        const auto ours_in = [&](const std::string& text) {
            auto rule = parse_iptables_rule(text, family);
            if (rule && rule->target != chain.spec->target) rule.reset();
            return rule;
        };
        const auto without_expiry = [](iptables_rule rule) {
            rule.expires = {};
            return to_text(rule);
        };
        std::unordered_map<std::string, unix_time> latest;
        std::unordered_set<std::string> seen;
        const auto& rules = saved.rules(name);
        for (const std::string& text : rules)
            if (const auto ours = ours_in(text)) {
                auto& expires = latest[without_expiry(*ours)];
                expires = std::max(expires, ours->expires);
            }

        for (std::size_t i = 0; i < rules.size(); ++i) {
            const std::string& text = rules[i];
            const auto expires = iptables_rule_expiry(text);
            if (!expires) continue;
            const auto ours = ours_in(text);
            const bool doubled = ours && unique &&
                                 (latest[without_expiry(*ours)] != ours->expires ||
                                  !seen.insert(to_text(*ours)).second);
            if (*expires <= now.wall || doubled) {
                out.line("-D", name, text);
                continue;
            }
            tagged_rule place{family, std::string{table}, name, i + 1, text, *expires};
            if (ours)
                plan.found.push_back({chain.role, *ours, std::move(place)});
            else
                plan.tagged.push_back(std::move(place));
        }
    }
    plan.script = out.text();
    return plan;
}

std::string plan_stop(const iptables_layout& layout, std::string_view table,
                      const iptables_table& saved) {
    script out{table};
    for (const our_chain& chain : chains_of(layout, table)) {
        const std::string& from = chain.spec->from_chain;
        const std::string& name = chain.spec->to_chain;
        const std::size_t jumps = saved.count_jumps(from, name);
        for (std::size_t i = 0; i < jumps; ++i) out.line("-D", from, "-j " + name);
        if (!saved.has_chain(name)) continue;
        out.line("-F", name, {});
        if (saved.count_references(name) == jumps) out.line("-X", name, {});
    }
    return out.text();
}

table_script plan_comment_check(const iptables_layout& layout, bool remove) {
    script out{layout.input.table};
    out.line(remove ? "-D" : "-A", layout.input.to_chain, "-m comment --comment _exp_1 -j RETURN");
    return {layout.input.table, out.text()};
}

} // namespace fwknop
