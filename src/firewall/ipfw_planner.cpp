// SPDX-License-Identifier: Apache-2.0
#include "firewall/ipfw_planner.hpp"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace fwknop {

namespace {

bool has_rules(const ipfw_listing& listing, unsigned set) {
    return std::ranges::any_of(listing.rules,
                               [set](const listed_ipfw_rule& each) { return each.set == set; });
}

bool has_check_state(const ipfw_layout& layout, const ipfw_listing& listing) {
    return std::ranges::any_of(listing.rules, [&layout](const listed_ipfw_rule& each) {
        return each.set == layout.active_set && each.check_state;
    });
}

std::string add_line(const ipfw_layout& layout, std::uint16_t number, const std::string& body) {
    return "add " + std::to_string(number) + " set " + std::to_string(layout.active_set) + " " +
           body;
}

std::string move_line(const ipfw_layout& layout, std::uint16_t number) {
    return "set move rule " + std::to_string(number) + " to " + std::to_string(layout.expire_set);
}

std::string disable_line(const ipfw_layout& layout) {
    return "set disable " + std::to_string(layout.expire_set);
}

std::string text_of(const grant_key& key, unix_time expires) {
    return to_text(ipfw_rule_of(key, expires));
}

std::string delete_set_line(unsigned set) {
    return "delete set " + std::to_string(set);
}

tagged_rule tag_of(const listed_ipfw_rule& rule) {
    tagged_rule tag;
    if (rule.ours) tag.family = rule.ours->source.family();
    tag.chain = "set " + std::to_string(rule.set);
    tag.position = rule.number;
    tag.text = rule.text;
    tag.expires = *rule.expires;
    return tag;
}

// Numbers that rules have, whoever's: a number that two rules share moves and goes for both.
class numbers {
  public:
    numbers(const ipfw_layout& layout, const ipfw_listing& listing)
        : next_{layout.first_grant()}, last_{layout.last} {
        for (const listed_ipfw_rule& each : listing.rules) taken_.insert(each.number);
    }

    std::optional<std::uint16_t> take() {
        for (; next_ <= last_; ++next_)
            if (!taken_.contains(static_cast<std::uint16_t>(next_)))
                return static_cast<std::uint16_t>(next_++);
        return std::nullopt;
    }

  private:
    unsigned next_;
    unsigned last_;
    std::unordered_set<std::uint16_t> taken_;
};

class change_planner {
  public:
    change_planner(const ipfw_layout& layout, const ipfw_listing& listing)
        : layout_{layout}, listing_{listing}, free_{layout, listing} {
        for (const listed_ipfw_rule& each : listing.rules) {
            ++shared_[each.number];
            if (!each.ours) continue;
            if (each.set == layout.active_set) active_.emplace(to_text(*each.ours), each.number);
            if (each.set == layout.expire_set) {
                over_.emplace(to_text(*each.ours), each.number);
                plan_.moves = true;
            }
        }
    }

    ipfw_change_plan plan(const change_batch& batch, const grant_table& wanted) {
        const bool opens = std::ranges::any_of(
            batch.changes, [](const change& each) { return each.kind != change_kind::remove; });
        if (opens && layout_.check_state && !has_check_state(layout_, listing_)) {
            plan_.script.push_back(add_line(layout_, layout_.first, "check-state"));
            plan_.repairs.emplace_back("The check-state rule was gone and is there again");
        }
        // First what opens: between the rule before and the one that extends it there is no gap.
        for (std::size_t i = 0; i < batch.changes.size(); ++i)
            if (batch.changes[i].kind != change_kind::remove) open(i, batch.changes[i]);
        if (opens) restore(batch, wanted);
        for (std::size_t i = 0; i < batch.changes.size(); ++i) {
            const change& each = batch.changes[i];
            if (each.kind == change_kind::remove && !close(each.key, each.expires))
                plan_.stuck.push_back(i);
            else if (each.kind == change_kind::extend && plan_.opened.contains(each.key))
                close(each.key, each.previous);
        }
        for (std::size_t i = 0; i < batch.tagged.size(); ++i)
            if (!close(batch.tagged[i])) plan_.stuck_tagged.push_back(i);
        return std::move(plan_);
    }

  private:
    void open(std::size_t index, const change& step) {
        const std::string rule = text_of(step.key, step.expires);
        if (const auto found = active_.find(rule); found != active_.end()) {
            plan_.opened.emplace(step.key, found->second); // by a script that was cut short
            return;
        }
        if (step.kind == change_kind::extend) {
            const auto before = active_.find(text_of(step.key, step.previous));
            if (before != active_.end() && is_shared(before->second)) {
                plan_.stuck.push_back(index);
                return;
            }
        }
        const auto number = free_.take();
        if (!number) {
            plan_.exhausted.push_back(index);
            return;
        }
        plan_.script.push_back(add_line(layout_, *number, rule));
        plan_.opened.emplace(step.key, *number);
    }

    void restore(const change_batch& batch, const grant_table& wanted) {
        std::unordered_set<grant_key> in_batch;
        for (const change& each : batch.changes) in_batch.insert(each.key);
        std::vector<grant> missing;
        for (const ip_family family : {ip_family::v4, ip_family::v6})
            wanted.for_each(family, [&](const grant& each) {
                if (!each.key.nat && !in_batch.contains(each.key) &&
                    !active_.contains(text_of(each.key, each.expires)))
                    missing.push_back(each);
            });
        std::ranges::sort(missing, {}, &grant::order);
        std::size_t restored = 0;
        for (const grant& each : missing) {
            const auto number = free_.take();
            if (!number) break;
            plan_.script.push_back(add_line(layout_, *number, text_of(each.key, each.expires)));
            ++restored;
        }
        if (restored != 0)
            plan_.repairs.push_back(std::to_string(restored) + " rules were gone from set " +
                                    std::to_string(layout_.active_set) + " and are there again");
    }

    // Two rules with one number move together, and the other one is not ours to move.
    bool is_shared(std::uint16_t number) {
        if (shared_[number] < 2) return false;
        plan_.shared.push_back(number);
        return true;
    }

    bool move(std::uint16_t number) {
        if (is_shared(number)) return false;
        // Should somebody have switched it on, what moves there would stay open.
        if (!switched_off_) plan_.script.push_back(disable_line(layout_));
        switched_off_ = true;
        plan_.script.push_back(move_line(layout_, number));
        plan_.moves = true;
        return true;
    }

    bool close(const grant_key& key, unix_time expires) {
        const std::string rule = text_of(key, expires);
        if (const auto found = active_.find(rule); found != active_.end()) {
            if (!move(found->second)) return false;
            plan_.closed.emplace(rule, found->second);
        } else if (const auto moved = over_.find(rule); moved != over_.end()) {
            plan_.closed.emplace(rule, moved->second);
        }
        return true;
    }

    bool close(const tagged_rule& tag) {
        for (const listed_ipfw_rule& each : listing_.rules)
            if (each.set == layout_.active_set && each.number == tag.position &&
                each.text == tag.text)
                return move(each.number);
        return true;
    }

    const ipfw_layout& layout_;
    const ipfw_listing& listing_;
    numbers free_;
    std::unordered_map<std::uint16_t, unsigned> shared_;
    std::map<std::string, std::uint16_t> active_; ///< numbers by the rules' texts
    std::map<std::string, std::uint16_t> over_;
    ipfw_change_plan plan_;
    bool switched_off_ = false; ///< the script does that
};

} // namespace

ipfw_start_plan plan_ipfw_start(const ipfw_layout& layout, const ipfw_listing& listing,
                                bool flush) {
    ipfw_start_plan plan;
    plan.leftovers = has_rules(listing, layout.expire_set);
    if (flush && has_rules(listing, layout.active_set))
        plan.script.push_back(delete_set_line(layout.active_set));
    plan.script.push_back(disable_line(layout));
    if (layout.check_state && (flush || !has_check_state(layout, listing)))
        plan.script.push_back(add_line(layout, layout.first, "check-state"));
    if (flush) return plan;

    std::unordered_map<grant_key, const listed_ipfw_rule*> latest;
    for (const listed_ipfw_rule& each : listing.rules) {
        if (each.set != layout.active_set || !each.expires) continue;
        if (!each.ours) {
            plan.tagged.push_back(tag_of(each));
            continue;
        }
        const auto [known, added] = latest.emplace(key_of(*each.ours), &each);
        if (added) continue;
        // Of two rules for one grant the earlier merely ends in time.
        const bool later = *known->second->expires < *each.expires;
        plan.tagged.push_back(tag_of(later ? *known->second : each));
        if (later) known->second = &each;
    }
    for (const auto& [key, rule] : latest) plan.adopted.push_back({key, *rule->expires});
    std::ranges::stable_sort(plan.adopted, {}, &adopted_grant::expires);
    return plan;
}

ipfw_change_plan plan_ipfw_changes(const ipfw_layout& layout, const ipfw_listing& listing,
                                   const change_batch& batch, const grant_table& wanted) {
    return change_planner{layout, listing}.plan(batch, wanted);
}

std::string ipfw_exhaustion(const ipfw_layout& layout, const ipfw_listing& listing) {
    const auto over = std::ranges::count_if(
        listing.rules, [&](const listed_ipfw_rule& each) { return each.set == layout.expire_set; });
    return "all rule numbers from " + std::to_string(layout.first_grant()) + " to " +
           std::to_string(layout.last) + " are in use, " + std::to_string(over) +
           " of them by expired rules that wait to be purged: raise IPFW_MAX_RULES, lower "
           "IPFW_START_RULE_NUM, or shorten FW_ACCESS_TIMEOUT or IPFW_EXPIRE_PURGE_INTERVAL";
}

ipfw_purge_plan plan_ipfw_purge(const ipfw_layout& layout, const ipfw_listing& listing) {
    std::unordered_map<std::uint16_t, unsigned> shared;
    for (const listed_ipfw_rule& each : listing.rules) ++shared[each.number];
    ipfw_purge_plan plan;
    for (const listed_ipfw_rule& each : listing.rules) {
        if (each.set != layout.expire_set) continue;
        // A rule of somebody else with the same number would go with it.
        if (listing.in_use.contains(each.number) || shared[each.number] > 1) {
            ++plan.kept;
            continue;
        }
        plan.script.push_back("delete " + std::to_string(each.number));
        plan.purged.push_back(each.number);
    }
    return plan;
}

ipfw_script plan_ipfw_stop(const ipfw_layout& layout, const ipfw_listing& listing) {
    ipfw_script script;
    for (const unsigned set : {layout.active_set, layout.expire_set})
        if (has_rules(listing, set)) script.push_back(delete_set_line(set));
    return script;
}

std::string to_text(const ipfw_script& script) {
    std::string text;
    for (const std::string& line : script) text.append(line).append("\n");
    return text;
}

} // namespace fwknop
