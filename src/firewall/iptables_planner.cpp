// SPDX-License-Identifier: Apache-2.0
#include "firewall/iptables_planner.hpp"

#include <boost/container_hash/hash.hpp>

#include <algorithm>
#include <cstddef>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace fwknop {

namespace {

struct rule_hash {
    std::size_t operator()(const iptables_rule& rule) const noexcept {
        std::size_t seed = hash_value(rule.key);
        boost::hash_combine(seed, to_seconds(rule.expires));
        return seed;
    }
};

struct our_chain {
    const chain_spec* spec;
    rule_direction direction;

    [[nodiscard]] std::string text(const iptables_rule& rule) const {
        return iptables_rule_text(rule, direction, spec->target);
    }
};

std::vector<our_chain> chains_of(const iptables_layout& layout, std::string_view table) {
    std::vector<our_chain> chains;
    if (layout.input.table == table) chains.push_back({&layout.input, rule_direction::in});
    if (layout.output && layout.output->table == table)
        chains.push_back({&*layout.output, rule_direction::out});
    return chains;
}

class script {
  public:
    explicit script(std::string_view table) : head_{"*" + std::string{table} + "\n"} {}

    void line(std::string_view command, std::string_view chain, std::string_view rest) {
        body_.append(command).append(" ").append(chain);
        if (!rest.empty()) body_.append(" ").append(rest);
        body_.append("\n");
    }
    void add(const iptables_layout& layout, const our_chain& chain, const iptables_rule& rule) {
        line(layout.prepend ? "-I" : "-A", chain.spec->to_chain, chain.text(rule));
    }
    void remove(const our_chain& chain, const iptables_rule& rule) {
        line("-D", chain.spec->to_chain, chain.text(rule));
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
    const int last = static_cast<int>(saved.rules(spec.from_chain).size()) + 1;
    out.line("-I", spec.from_chain,
             std::to_string(std::clamp(spec.jump_position, 1, last)) + " -j " + spec.to_chain);
    plan.jumps.push_back({spec.from_chain, spec.to_chain});
}

} // namespace

std::vector<std::string> iptables_layout::tables() const {
    std::vector<std::string> names{input.table};
    if (output && output->table != input.table) names.push_back(output->table);
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
                switch (step.kind) {
                case change_kind::add:
                    body.add(layout, chain, {step.key, step.expires});
                    break;
                case change_kind::extend:
                    body.add(layout, chain, {step.key, step.expires});
                    body.remove(chain, {step.key, step.previous});
                    break;
                case change_kind::remove:
                    body.remove(chain, {step.key, step.expires});
                    break;
                }
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

    std::unordered_set<iptables_rule, rule_hash> unwanted;
    std::unordered_set<grant_key> fresh;
    for (const change& step : batch.changes) {
        if (step.kind == change_kind::remove) unwanted.insert({step.key, step.expires});
        if (step.kind == change_kind::extend) unwanted.insert({step.key, step.previous});
        if (step.kind != change_kind::remove) fresh.insert(step.key);
    }

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

        std::unordered_set<iptables_rule, rule_hash> present;
        for (const std::string& text : saved.rules(name)) {
            const auto ours =
                parse_iptables_rule(text, family, chain.direction, chain.spec->target);
            if (ours) {
                const grant* live = wanted.find(ours->key);
                if (live != nullptr && live->expires == ours->expires) {
                    present.insert(*ours);
                    continue;
                }
            }
            const auto expires = iptables_rule_expiry(text);
            const bool named = std::ranges::any_of(batch.tagged, [&](const tagged_rule& rule) {
                return rule.family == family && rule.table == table && rule.chain == name &&
                       rule.text == text;
            });
            if ((ours && unwanted.contains(*ours)) || named || (expires && *expires <= now.wall))
                out.line("-D", name, text);
        }

        if (!opens) continue;
        std::size_t restored = 0;
        wanted.for_each(family, [&](const grant& live) {
            const iptables_rule rule{live.key, live.expires};
            if (present.contains(rule)) return;
            out.add(layout, chain, rule);
            if (!fresh.contains(live.key)) ++restored;
        });
        if (restored != 0)
            plan.repairs.push_back(std::to_string(restored) + " missing rule" +
                                   (restored == 1 ? " is" : "s are") + " written again to " + name);
    }
    plan.script = out.text();
    return plan;
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

        // The latest rule of each grant is adopted; the others would be nobody's.
        std::unordered_map<grant_key, unix_time> latest;
        std::unordered_set<iptables_rule, rule_hash> seen;
        const auto& rules = saved.rules(name);
        for (const std::string& text : rules)
            if (const auto ours =
                    parse_iptables_rule(text, family, chain.direction, chain.spec->target)) {
                auto& expires = latest[ours->key];
                expires = std::max(expires, ours->expires);
            }

        for (std::size_t i = 0; i < rules.size(); ++i) {
            const std::string& text = rules[i];
            const auto expires = iptables_rule_expiry(text);
            if (!expires) continue;
            const auto ours =
                parse_iptables_rule(text, family, chain.direction, chain.spec->target);
            if (*expires <= now.wall ||
                (ours && (latest[ours->key] != ours->expires || !seen.insert(*ours).second))) {
                out.line("-D", name, text);
            } else if (!ours) {
                plan.tagged.push_back({family, std::string{table}, name, i + 1, text, *expires});
            } else {
                plan.adopted.push_back(*ours);
            }
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
