// SPDX-License-Identifier: Apache-2.0
#include "firewall/iptables_backend.hpp"

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace fwknop {

namespace {

namespace asio = boost::asio;

// A listing of some 100,000 rules. More than that is no host of ours; the limit keeps a program
// gone wild from taking our memory.
constexpr std::size_t max_listing = std::size_t{32} * 1024 * 1024;

// Between our look at a table and our script somebody else may change it; then look again.
constexpr int max_repair_rounds = 3;

} // namespace

iptables_backend::iptables_backend(iptables_options options)
    : options_{std::move(options)}, v6_layout_{options_.layout} {}

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

const iptables_family_programs* iptables_backend::programs_of(ip_family family) const {
    if (family == ip_family::v4) return &options_.programs.v4;
    return options_.programs.v6 && v6_works_ ? &*options_.programs.v6 : nullptr;
}

std::vector<ip_family> iptables_backend::families() const {
    std::vector<ip_family> families{ip_family::v4};
    if (programs_of(ip_family::v6) != nullptr) families.push_back(ip_family::v6);
    return families;
}

iptables_backend::step_result iptables_backend::judge(const child_command& command,
                                                      const child_result& result) const {
    if (result.ok() && !result.output_cut) return {};
    step_result failed{describe_failure(command, result), result.uncertain(), result.uncertain()};
    if (result.ok())
        return {command.path + ": lists more than 32 MiB of rules, which is too much to look "
                               "through: remove rules that nobody needs",
                false, true};
    if (result.end == child_end::not_started) failed.final = true;
    if (result.end == child_end::time_limit)
        failed.error += " (does another program hold the iptables lock?)";
    if (result.errors.find("you must be root") != std::string::npos ||
        result.errors.find("Operation not permitted") != std::string::npos) {
        failed.error += ": start the daemon as root or give it CAP_NET_ADMIN and CAP_NET_RAW";
        failed.final = true;
    }
    return failed;
}

asio::awaitable<iptables_backend::step_result> iptables_backend::restore(ip_family family,
                                                                         std::string script) {
    child_command command;
    command.path = programs_of(family)->restore;
    command.arguments = {"-w", "--noflush"};
    command.input = std::move(script);
    command.time_limit = options_.time_limit;
    const child_result result = co_await run_child(command);
    co_return judge(command, result);
}

asio::awaitable<iptables_backend::step_result>
iptables_backend::save(ip_family family, std::string table, iptables_table& saved) {
    child_command command;
    command.path = programs_of(family)->save;
    command.arguments = {"-t", table};
    command.time_limit = options_.time_limit;
    command.max_output = max_listing;
    const child_result result = co_await run_child(command);
    step_result judged = judge(command, result);
    // A listing changes nothing, however it ended.
    judged.uncertain = false;
    if (judged.error.empty()) saved = iptables_table::parse(result.output, table);
    co_return judged;
}

asio::awaitable<iptables_backend::step_result> iptables_backend::check_comments(ip_family family) {
    for (const bool remove : {false, true}) {
        table_script script = plan_comment_check(options_.layout, remove);
        auto done = co_await restore(family, std::move(script.text));
        if (done.error.empty()) continue;
        done.error += ": the iptables 'comment' match does not work here, and rules cannot be told "
                      "apart without it: load the kernel module xt_comment, or set "
                      "ENABLE_IPT_COMMENT_CHECK N to start all the same";
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
    outcome.error = options_.programs.error;
    if (!outcome.ok()) co_return outcome;
    if (!options_.programs.notice.empty()) outcome.notices.push_back(options_.programs.notice);

    outcome.error = (co_await start_family(ip_family::v4, now, outcome)).error;
    if (!outcome.ok() || programs_of(ip_family::v6) == nullptr) co_return outcome;

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
    if (programs_of(family) == nullptr)
        co_return step_result{"IPv6 is not handled: install ip6tables, or enable IPv6 in the "
                              "kernel, and start again",
                              false, true};

    bool& doubtful = doubtful_.at(static_cast<std::size_t>(family));
    const bool look = std::exchange(doubtful, true); // until we are sure, cancelled or not
    bool changed = false;                            // a table before this one took its part
    for (table_script& script : scripts) {
        step_result done;
        if (!look) done = co_await restore(family, std::move(script.text));
        if (look || (!done.error.empty() && !done.final))
            done = co_await repair(family, script.table, batch, wanted, now, outcome);
        if (!done.error.empty()) {
            done.uncertain = done.uncertain || changed;
            doubtful = look || done.uncertain;
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

asio::awaitable<backend_outcome> iptables_backend::stop() {
    if (!options_.flush_at_exit) co_return backend_outcome{};
    co_return co_await flush();
}

asio::awaitable<backend_outcome> iptables_backend::flush() {
    backend_outcome outcome{options_.programs.error};
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
    list_outcome outcome{{options_.programs.error}, {}};
    if (!outcome.ok()) co_return outcome;
    for (const ip_family family : families()) {
        for (const std::string& table : layout_of(family).tables()) {
            child_command command;
            command.path = programs_of(family)->iptables;
            command.arguments = {"-w", "-t", table, "-n", "-v", "--line-numbers", "-L"};
            command.time_limit = options_.time_limit;
            command.max_output = max_listing;

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
                child_command one = command;
                if (!chain.empty()) one.arguments.push_back(chain);
                const child_result result = co_await run_child(one);
                done = judge(one, result);
                if (done.error.empty()) outcome.text += result.output + "\n";
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
