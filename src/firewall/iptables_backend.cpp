// SPDX-License-Identifier: Apache-2.0
#include "firewall/iptables_backend.hpp"

#include "firewall/iptables_direct.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace fwknop {

namespace {

namespace asio = boost::asio;

// Between our look at a table and our script somebody else may change it; then look again.
constexpr int max_repair_rounds = 3;

} // namespace

iptables_backend::iptables_backend(const iptables_options& options)
    : iptables_backend{options, make_iptables_access(options.programs, options.time_limit)} {}

iptables_backend::iptables_backend(iptables_options options,
                                   std::unique_ptr<iptables_access> access)
    : options_{std::move(options)}, access_{std::move(access)}, v6_layout_{options_.layout} {}

const iptables_layout& iptables_backend::layout_of(ip_family family) const {
    return family == ip_family::v4 ? options_.layout : v6_layout_;
}

// Not every kernel that filters IPv6 translates its addresses, too.
bool iptables_backend::can_do_without(ip_family family, std::string_view table) const {
    return family == ip_family::v6 &&
           std::ranges::none_of(v6_layout_.chains(), [table](const iptables_layout::chain& each) {
               return each.spec->table == table &&
                      (each.role == rule_role::input || each.role == rule_role::output ||
                       each.role == rule_role::forward);
           });
}

void iptables_backend::do_without(std::string_view table) {
    for (auto* spec : {&v6_layout_.dnat, &v6_layout_.snat, &v6_layout_.masquerade})
        if (*spec && (*spec)->table == table) spec->reset();
}

std::vector<rule_place> iptables_backend::places() const {
    std::vector<rule_place> places;
    for (const auto& chain : options_.layout.chains())
        places.push_back({chain.role, chain.spec->to_chain});
    return places;
}

rule_order iptables_backend::order() const {
    return options_.layout.prepend ? rule_order::prepend : rule_order::append;
}

bool iptables_backend::serves(ip_family family) const {
    return access_->handles(family) && (family == ip_family::v4 || v6_works_);
}

std::vector<ip_family> iptables_backend::families() const {
    std::vector<ip_family> families{ip_family::v4};
    if (serves(ip_family::v6)) families.push_back(ip_family::v6);
    return families;
}

asio::awaitable<iptables_backend::step_result> iptables_backend::restore(ip_family family,
                                                                         std::string script) {
    iptables_step done = co_await access_->restore(family, std::move(script), watch_);
    co_return step_result{std::move(done)};
}

asio::awaitable<iptables_backend::step_result>
iptables_backend::save(ip_family family, std::string table, iptables_table& saved) {
    iptables_step done = co_await access_->save(family, std::move(table), saved);
    co_return step_result{std::move(done)};
}

asio::awaitable<iptables_backend::step_result> iptables_backend::check_comments(ip_family family) {
    for (const bool remove : {false, true}) {
        table_script script = plan_comment_check(options_.layout, remove);
        auto done = co_await restore(family, std::move(script.text));
        if (done.error.empty()) continue;
        if (remove) {
            // Whoever else looks after these chains, as another daemon does, may have been faster:
            // the rule's time is over.
            iptables_table saved;
            const auto look = co_await save(family, options_.layout.input.table, saved);
            const auto& rules = saved.rules(options_.layout.input.to_chain);
            if (look.error.empty() && std::ranges::none_of(rules, [](const std::string& rule) {
                    return rule.find("_exp_1 ") != std::string::npos;
                }))
                continue;
        }
        done.error += ": the iptables 'comment' match does not work here, and rules cannot be told "
                      "apart without it: load the kernel module xt_comment, or set " +
                      std::string{access_->comment_check_directive()} + " N to start all the same";
        co_return done;
    }
    co_return step_result{};
}

asio::awaitable<iptables_backend::step_result>
iptables_backend::start_family(ip_family family, moment now, start_outcome& outcome) {
    bool listed = false;
    std::vector<found_rule> found;
    const auto end = [&listed](step_result done) {
        done.listed = listed;
        return done;
    };
    for (const std::string& table : layout_of(family).tables()) {
        step_result done;
        bool ours = false; // something of an earlier run
        for (int round = 0; round < max_repair_rounds; ++round) {
            iptables_table saved;
            done = co_await save(family, table, saved);
            if (!done.error.empty()) break;
            listed = true;
            ours = ours || !plan_stop(layout_of(family), table, saved).empty();
            auto plan =
                plan_start(layout_of(family), family, table, saved, options_.flush_at_init, now);
            if (!plan.script.empty()) done = co_await restore(family, plan.script);
            if (done.error.empty()) {
                std::ranges::move(plan.found, std::back_inserter(found));
                std::ranges::move(plan.tagged, std::back_inserter(outcome.tagged));
                std::ranges::move(plan.jumps, std::back_inserter(outcome.jumps));
                break;
            }
            if (done.final) break;
        }
        if (done.error.empty()) continue;
        if (ours || done.uncertain || !can_do_without(family, table)) co_return end(done);
        do_without(table);
        outcome.notices.push_back("NAT of IPv6 is not handled: " + done.error);
    }
    auto adopted = adopt_rules(found);
    std::ranges::move(adopted.grants, std::back_inserter(outcome.adopted));
    std::ranges::move(adopted.tagged, std::back_inserter(outcome.tagged));
    if (!options_.comment_check) co_return step_result{};
    const step_result checked = co_await check_comments(family);
    co_return end(checked);
}

asio::awaitable<start_outcome> iptables_backend::start(moment now) {
    start_outcome outcome;
    outcome.error = access_->error();
    if (!outcome.ok()) co_return outcome;
    if (!access_->notice().empty()) outcome.notices.push_back(access_->notice());

    executor_ = co_await asio::this_coro::executor;
    co_await start_watch(outcome); // first: what changes while we list is noticed
    outcome.error = (co_await start_family(ip_family::v4, now, outcome)).error;
    if (!outcome.ok() || !serves(ip_family::v6)) co_return outcome;

    // A kernel without IPv6 is no reason not to serve IPv4. But one that lists its rules has IPv6,
    // and they may hold grants of an earlier run: to go on without them would leave those open.
    start_outcome v6;
    const auto done = co_await start_family(ip_family::v6, now, v6);
    if (!done.error.empty() && done.listed) {
        outcome.error = done.error;
        co_return outcome;
    }
    if (!done.error.empty()) {
        v6_works_ = false;
        outcome.notices.push_back("IPv6 is not handled: " + done.error);
        co_return outcome;
    }
    std::ranges::move(v6.notices, std::back_inserter(outcome.notices));
    std::ranges::move(v6.adopted, std::back_inserter(outcome.adopted));
    std::ranges::move(v6.tagged, std::back_inserter(outcome.tagged));
    for (added_jump& made : v6.jumps)
        if (std::ranges::find(outcome.jumps, made) == outcome.jumps.end())
            outcome.jumps.push_back(std::move(made));
    co_return outcome;
}

asio::awaitable<iptables_backend::step_result>
iptables_backend::repair(ip_family family, std::string table, const change_batch& batch,
                         const grant_table& wanted, moment now, apply_outcome& outcome) {
    step_result done;
    for (int round = 0; round < max_repair_rounds; ++round) {
        iptables_table saved;
        done = co_await save(family, table, saved);
        if (!done.error.empty()) co_return done;
        auto plan = plan_repair(layout_of(family), family, table, saved, batch, wanted, now);
        if (!plan.script.empty()) done = co_await restore(family, plan.script);
        if (done.error.empty()) {
            std::ranges::move(plan.jumps, std::back_inserter(outcome.jumps));
            std::ranges::move(plan.repairs, std::back_inserter(outcome.repairs));
            co_return done;
        }
        if (done.final) co_return done;
    }
    co_return done;
}

asio::awaitable<iptables_backend::step_result>
iptables_backend::apply_family(ip_family family, const change_batch& batch,
                               const grant_table& wanted, moment now, apply_outcome& outcome) {
    auto scripts = plan_batch(layout_of(family), family, batch);
    if (scripts.empty()) co_return step_result{};
    if (!serves(family))
        co_return step_result{{"IPv6 is not handled: install ip6tables, or enable IPv6 in the "
                               "kernel, and start again",
                               false, true}};

    bool& doubtful = doubtful_.at(static_cast<std::size_t>(family));
    // Of others' rules there may be two of a kind, or none any more: only a look tells.
    const bool others = std::ranges::count(batch.tagged, family, &tagged_rule::family) != 0;
    const bool doubt = std::exchange(doubtful, true); // until we are sure, cancelled or not
    const bool look = doubt || others;
    bool changed = false; // a table before this one took its part
    for (table_script& script : scripts) {
        step_result done;
        if (!look) done = co_await restore(family, std::move(script.text));
        if (look || (!done.error.empty() && !done.final))
            done = co_await repair(family, script.table, batch, wanted, now, outcome);
        if (!done.error.empty()) {
            done.uncertain = done.uncertain || changed;
            doubtful = doubt || done.uncertain;
            co_return done;
        }
        changed = true;
    }
    doubtful = false;
    co_return step_result{};
}

asio::awaitable<apply_outcome> iptables_backend::apply(const change_batch& batch,
                                                       const grant_table& wanted, moment now) {
    apply_outcome outcome;
    const change_batch* doable = &batch;
    change_batch without_nat;
    change_failure no_nat{{}, {}, "NAT of IPv6 is not handled: ip6tables cannot do it here"};
    if (!v6_layout_.dnat && options_.layout.dnat) {
        without_nat.tagged = batch.tagged;
        for (std::size_t i = 0; i < batch.changes.size(); ++i) {
            const grant_key& key = batch.changes[i].key;
            if (key.nat && key.source.is_v6())
                no_nat.changes.push_back(i);
            else
                without_nat.changes.push_back(batch.changes[i]);
        }
        doable = &without_nat;
    }
    for (const ip_family family : {ip_family::v4, ip_family::v6}) {
        const auto done = co_await apply_family(family, *doable, wanted, now, outcome);
        if (done.error.empty()) continue;
        change_failure failure{{}, {}, done.error, done.uncertain};
        for (std::size_t i = 0; i < batch.changes.size(); ++i)
            if (batch.changes[i].key.source.family() == family &&
                std::ranges::find(no_nat.changes, i) == no_nat.changes.end())
                failure.changes.push_back(i);
        for (std::size_t i = 0; i < batch.tagged.size(); ++i)
            if (batch.tagged[i].family == family) failure.tagged.push_back(i);
        outcome.failures.push_back(std::move(failure));
    }
    if (!no_nat.changes.empty()) outcome.failures.push_back(std::move(no_nat));
    co_return outcome;
}

asio::awaitable<void> iptables_backend::start_watch(start_outcome& outcome) {
    if (!options_.watch_others) co_return;
    iptables_watch::settings what;
    for (const ip_family family : families()) {
        const auto index = static_cast<std::size_t>(family);
        what.way.at(index) = co_await access_->find_notice(family, options_.poll_others);
        what.layout.at(index) = options_.layout;
    }
    try {
        watch_ = std::make_shared<iptables_watch>(std::move(what));
    } catch (const std::runtime_error& error) {
        outcome.notices.push_back("rules that others add with an expiry are not noticed: " +
                                  std::string{error.what()});
    }
}

void iptables_backend::watch(std::function<void()> changed) {
    if (watch_) watch_->start(executor_, std::move(changed));
}

asio::awaitable<inspect_outcome> iptables_backend::inspect(const grant_table& wanted,
                                                           moment /*now*/) {
    inspect_outcome outcome;
    if (!watch_) co_return outcome;
    const std::vector<iptables_watch::place> suspects{watch_->suspects().begin(),
                                                      watch_->suspects().end()};
    for (const auto& place : suspects) {
        if (!serves(place.family)) continue;
        watch_->seen(place);
        iptables_table saved;
        const auto done = co_await save(place.family, place.table, saved);
        if (done.error.empty()) {
            std::ranges::move(
                find_tagged(layout_of(place.family), place.family, place.table, saved, wanted),
                std::back_inserter(outcome.tagged));
            continue;
        }
        watch_->suspect(place);
        if (!outcome.error.empty()) outcome.error += "; ";
        outcome.error += done.error;
    }
    co_return outcome;
}

asio::awaitable<backend_outcome> iptables_backend::stop() {
    if (watch_) watch_->stop();
    watch_.reset();
    if (!options_.flush_at_exit) co_return backend_outcome{};
    co_return co_await flush();
}

asio::awaitable<backend_outcome> iptables_backend::flush() {
    backend_outcome outcome{access_->error()};
    if (!outcome.ok()) co_return outcome;
    for (const ip_family family : families()) {
        for (const std::string& table : layout_of(family).tables()) {
            step_result done;
            for (int round = 0; round < max_repair_rounds; ++round) {
                iptables_table saved;
                done = co_await save(family, table, saved);
                if (!done.error.empty()) break;
                std::string script = plan_stop(layout_of(family), table, saved);
                if (!script.empty()) done = co_await restore(family, std::move(script));
                if (done.error.empty() || done.final) break;
            }
            // One family's trouble is no reason to leave the other's rules behind.
            if (!done.error.empty()) {
                if (!outcome.error.empty()) outcome.error += "; ";
                outcome.error += done.error;
            }
        }
    }
    co_return outcome;
}

asio::awaitable<list_outcome> iptables_backend::list(bool everything) {
    list_outcome outcome{{access_->error()}, {}};
    if (!outcome.ok()) co_return outcome;
    for (const ip_family family : families()) {
        for (const std::string& table : layout_of(family).tables()) {
            iptables_table saved;
            auto done = co_await save(family, table, saved);
            std::vector<std::string> chains;
            if (everything) {
                chains.emplace_back();
            } else {
                for (const auto& chain : layout_of(family).chains())
                    if (chain.spec->table == table && saved.has_chain(chain.spec->to_chain))
                        chains.push_back(chain.spec->to_chain);
            }
            for (const std::string& chain : chains) {
                if (!done.error.empty()) break;
                iptables_step listed = co_await access_->list(family, table, chain, outcome.text);
                done = {std::move(listed)};
            }
            if (!done.error.empty()) {
                outcome.error = done.error;
                co_return outcome;
            }
        }
    }
    co_return outcome;
}

} // namespace fwknop
