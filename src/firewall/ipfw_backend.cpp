// SPDX-License-Identifier: Apache-2.0
#include "firewall/ipfw_backend.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <sstream>
#include <utility>

namespace fwknop {

namespace asio = boost::asio;

namespace {

constexpr std::array advice{
    program_advice{"Operation not permitted",
                   "start the daemon as root, outside of a jail, at securelevel 2 or below"},
    program_advice{"Permission denied", "start the daemon as root"},
    program_advice{"Protocol not available",
                   "load ipfw ('kldload ipfw', and firewall_enable=\"YES\" in /etc/rc.conf)"},
};

// Between our look at the rules and our script somebody else may change them; then look again.
constexpr int max_rounds = 3;

change_failure failure_of(const change_batch& batch, const ipfw_change_plan& plan,
                          const program_step& step, bool uncertain) {
    change_failure failed{{}, {}, step.error, uncertain};
    const auto told = [&plan](std::size_t i) {
        return std::ranges::find(plan.exhausted, i) != plan.exhausted.end() ||
               std::ranges::find(plan.stuck, i) != plan.stuck.end();
    };
    for (std::size_t i = 0; i < batch.changes.size(); ++i)
        if (!told(i)) failed.changes.push_back(i);
    for (std::size_t i = 0; i < batch.tagged.size(); ++i)
        if (std::ranges::find(plan.stuck_tagged, i) == plan.stuck_tagged.end())
            failed.tagged.push_back(i);
    return failed;
}

} // namespace

void ipfw_wording::use(std::unordered_map<grant_key, std::uint16_t> opened,
                       std::map<std::string, std::uint16_t> closed) {
    opened_ = std::move(opened);
    closed_ = std::move(closed);
}

std::vector<worded_line> ipfw_wording::opened(std::string_view verb,
                                              const opened_event& event) const {
    std::vector<worded_line> lines;
    for (const service& door : event.services) {
        const auto key = make_grant_key(event.request.source, event.request.destination, door, {});
        const auto found = opened_.find(key);
        std::string text{verb};
        text += " Rule " + (found == opened_.end() ? "?" : std::to_string(found->second)) +
                " for " + event.request.source.to_string() + ", " + to_string(door) +
                " expires at " + std::to_string(to_seconds(event.expires));
        lines.push_back({std::move(text), {door}});
    }
    return lines;
}

std::vector<worded_line> ipfw_wording::added(const opened_event& event) const {
    return opened("Added", event);
}

std::vector<worded_line> ipfw_wording::extended(const opened_event& event) const {
    return opened("Extended", event);
}

std::vector<worded_line> ipfw_wording::removed(const removed_event& event) const {
    const std::string expiry = " with expire time of " + std::to_string(to_seconds(event.expires));
    std::optional<std::size_t> number;
    if (!event.key)
        number = event.position;
    else if (const auto found = closed_.find(to_text(ipfw_rule_of(*event.key, event.expires)));
             found != closed_.end())
        number = found->second;
    if (!number) return {{"A rule" + expiry + " was gone before its time.", {}}};
    return {{"Moved rule " + std::to_string(*number) + expiry + " to set " +
                 std::to_string(expire_set_) + ".",
             {}}};
}

ipfw_backend::ipfw_backend(ipfw_options options)
    : options_{std::move(options)}
    , ipfw_{options_.program, options_.time_limit, advice}
    , wording_{options_.layout.expire_set} {}

std::vector<rule_place> ipfw_backend::places() const {
    return {{rule_role::input, "set " + std::to_string(options_.layout.active_set)}};
}

asio::awaitable<program_step> ipfw_backend::look(bool connections, ipfw_listing& listing) {
    std::vector<std::string> arguments{"-S", "list"};
    if (connections) arguments.insert(arguments.begin(), "-d");
    auto step = co_await ipfw_.run(std::move(arguments));
    step.uncertain = false; // a listing changes nothing, however it ended
    if (step.ok()) listing = parse_ipfw_listing(step.output);
    co_return step;
}

asio::awaitable<program_step> ipfw_backend::perform(ipfw_script script) {
    if (script.empty()) co_return program_step{};
    std::vector<std::string> arguments{"-q", "/dev/stdin"};
    co_return co_await ipfw_.run(std::move(arguments), to_text(script));
}

asio::awaitable<start_outcome> ipfw_backend::start(moment now) {
    start_outcome outcome;
    ipfw_listing listing;
    outcome.error = (co_await look(false, listing)).error;
    if (!outcome.ok()) co_return outcome;
    auto plan = plan_ipfw_start(options_.layout, listing, options_.flush_at_init);
    outcome.error = (co_await perform(std::move(plan.script))).error;
    if (!outcome.ok()) co_return outcome;
    outcome.adopted = std::move(plan.adopted);
    outcome.tagged = std::move(plan.tagged);
    if (plan.leftovers) purge_at_ = now.steady + options_.purge_interval;
    co_return outcome;
}

asio::awaitable<apply_outcome> ipfw_backend::apply(const change_batch& batch,
                                                   const grant_table& wanted, moment now) {
    apply_outcome outcome;
    ipfw_change_plan plan;
    ipfw_listing listing;
    program_step step;
    bool tried = false; // a script that failed may have done a part
    for (int round = 0; round < max_rounds; ++round) {
        step = co_await look(false, listing);
        if (!step.ok()) break;
        plan = plan_ipfw_changes(options_.layout, listing, batch, wanted);
        step = co_await perform(plan.script);
        if (step.ok()) break;
        tried = true;
        if (step.final) break;
    }
    if (plan.moves && !purge_at_) purge_at_ = now.steady + options_.purge_interval;

    if (!plan.exhausted.empty())
        outcome.failures.push_back({plan.exhausted, {}, ipfw_exhaustion(options_.layout, listing)});
    if (!plan.shared.empty())
        outcome.failures.push_back({plan.stuck, plan.stuck_tagged,
                                    "rule number " + std::to_string(plan.shared.front()) +
                                        " is used by a rule of somebody else, too: remove that "
                                        "rule, or give it another number"});
    if (step.ok()) {
        outcome.repairs = std::move(plan.repairs);
        wording_.use(std::move(plan.opened), std::move(plan.closed));
    } else {
        outcome.failures.push_back(failure_of(batch, plan, step, tried));
        wording_.use({}, {});
    }
    co_return outcome;
}

asio::awaitable<late_work_outcome> ipfw_backend::late_work(moment now) {
    late_work_outcome outcome;
    purge_at_ = now.steady + options_.purge_interval; // whatever comes of it
    ipfw_listing listing;
    outcome.error = (co_await look(true, listing)).error;
    if (!outcome.ok()) co_return outcome;
    auto plan = plan_ipfw_purge(options_.layout, listing);
    outcome.error = (co_await perform(std::move(plan.script))).error;
    if (!outcome.ok()) co_return outcome;
    for (const std::uint16_t number : plan.purged)
        outcome.done.push_back("Purged rule " + std::to_string(number) + " from set " +
                               std::to_string(options_.layout.expire_set));
    if (plan.kept == 0) purge_at_.reset();
    co_return outcome;
}

asio::awaitable<backend_outcome> ipfw_backend::stop() {
    if (!options_.flush_at_exit) co_return backend_outcome{};
    co_return co_await flush();
}

asio::awaitable<backend_outcome> ipfw_backend::flush() {
    purge_at_.reset();
    ipfw_listing listing;
    auto step = co_await look(false, listing);
    if (step.ok()) step = co_await perform(plan_ipfw_stop(options_.layout, listing));
    co_return backend_outcome{std::move(step.error)};
}

asio::awaitable<list_outcome> ipfw_backend::list(bool everything) {
    list_outcome outcome;
    ipfw_listing listing;
    auto step = co_await look(false, listing);
    outcome.error = std::move(step.error);
    if (!outcome.ok()) co_return outcome;
    if (everything) {
        outcome.text = std::move(step.output);
        co_return outcome;
    }
    for (const listed_ipfw_rule& each : listing.rules) {
        if (each.set != options_.layout.active_set && each.set != options_.layout.expire_set)
            continue;
        std::ostringstream line;
        line << each.number << " set " << each.set << " " << each.text << "\n";
        outcome.text += line.str();
    }
    co_return outcome;
}

} // namespace fwknop
