// SPDX-License-Identifier: Apache-2.0
#include "firewall/pf_backend.hpp"

#include "firewall/pf_planner.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <unordered_map>
#include <utility>

namespace fwknop {

namespace asio = boost::asio;

namespace {

constexpr std::array advice{
    program_advice{"Permission denied",
                   "start the daemon as root, or let its account read and write /dev/pf"},
    program_advice{"Operation not permitted",
                   "start the daemon as root, outside of a jail, at securelevel 2 or below"},
    program_advice{"/dev/pf: No such file",
                   "load pf ('kldload pf', and pf_enable=\"YES\" in /etc/rc.conf)"},
    program_advice{"/dev/pf: Device not configured", "load pf into the kernel"},
};

// One rule's line tells of the whole grant.
bool tells(rule_role role) {
    return role == rule_role::input || role == rule_role::forward;
}

std::vector<worded_line> opened_lines(std::string_view verb, const opened_event& event) {
    if (!tells(event.place.role)) return {};
    auto services = event.covered_services();
    std::string text{verb};
    text += " Rule for " + event.request.source.to_string() + ", " + list_of(services) +
            " expires at " + std::to_string(to_seconds(event.expires));
    return {{std::move(text), std::move(services)}};
}

} // namespace

std::vector<worded_line> pf_wording::added(const opened_event& event) const {
    return opened_lines("Added", event);
}

std::vector<worded_line> pf_wording::extended(const opened_event& event) const {
    return opened_lines("Extended", event);
}

std::vector<worded_line> pf_wording::removed(const removed_event& event) const {
    if (!tells(event.role)) return {};
    return {{"Deleting rule with expire time of " + std::to_string(to_seconds(event.expires)) + ".",
             {}}};
}

pf_backend::pf_backend(pf_options options)
    : options_{std::move(options)}, pfctl_{options_.program, options_.time_limit, advice} {}

std::vector<listed_program> pf_backend::programs() const {
    std::vector<listed_program> calls;
    for (const std::vector<listed_word>& words :
         std::vector<std::vector<listed_word>>{{"-s", "Anchors"},
                                               {"-s", "nat"},
                                               {"-a", any_value, "-s", "Anchors"},
                                               {"-a", options_.anchor, "-s", "nat"},
                                               {"-a", options_.anchor, "-s", "rules"},
                                               {"-a", options_.anchor, "-F", "all"},
                                               {"-a", options_.anchor, "-f", "-"}})
        calls.push_back({options_.program, words});
    return calls;
}

// What pf cannot do has a place, too: `apply` refuses it with the reason.
std::vector<rule_place> pf_backend::places() const {
    std::vector<rule_place> places{{rule_role::input, options_.anchor}};
    if (!options_.translates) return places;
    for (const rule_role role :
         {rule_role::forward, rule_role::dnat, rule_role::snat, rule_role::masquerade})
        places.push_back({role, options_.anchor});
    return places;
}

asio::awaitable<program_step> pf_backend::write(std::string text) {
    std::vector<std::string> arguments{"-a", options_.anchor, "-f", "-"};
    co_return co_await pfctl_.run(std::move(arguments), std::move(text));
}

asio::awaitable<program_step> pf_backend::check_links() {
    const std::string& anchor = options_.anchor;
    const std::size_t slash = anchor.rfind('/');
    std::vector<std::string> arguments{"-s", "Anchors"};
    if (slash != anchor.npos) arguments.insert(arguments.begin(), {"-a", anchor.substr(0, slash)});
    auto anchors = co_await pfctl_.run(std::move(arguments));
    if (!anchors.ok()) co_return anchors;
    const std::string name = slash == anchor.npos ? anchor : anchor.substr(slash + 1);
    const std::string load = " to /etc/pf.conf, load it with 'pfctl -f /etc/pf.conf', and start "
                             "again; or name another anchor with PF_ANCHOR_NAME";
    if (!lists_pf_anchor(anchors.output, anchor)) {
        anchors.error = "the anchor '" + anchor +
                        "' is not part of the pf policy: add the line "
                        "'anchor \"" +
                        name + "\"'" + load;
        co_return anchors;
    }
    // An anchor inside another one may be linked there by a pattern.
    if (!options_.translates || slash != anchor.npos) co_return anchors;
    std::vector<std::string> show{"-s", "nat"};
    auto linked = co_await pfctl_.run(std::move(show));
    if (!linked.ok()) co_return linked;
    for (const std::string_view kind : {"rdr-anchor", "nat-anchor"}) {
        if (kind == "nat-anchor" && !options_.translates_sources) continue;
        if (links_pf_anchor(linked.output, kind, anchor)) continue;
        linked.error = "the pf policy has no " + std::string{kind} + " '" + anchor +
                       "', which NAT needs: add the line '" + std::string{kind} + " \"" + anchor +
                       "\"'" + load;
        break;
    }
    co_return linked;
}

asio::awaitable<program_step> pf_backend::adopt(start_outcome& outcome) {
    std::vector<std::string> arguments{"-a", options_.anchor, "-s", "nat"};
    auto translation = co_await pfctl_.run(arguments);
    if (!translation.ok()) co_return translation;
    arguments.back() = "rules";
    auto filter = co_await pfctl_.run(arguments);
    if (!filter.ok()) co_return filter;

    auto found = adopt_pf_anchor(translation.output, filter.output, options_.find_port);
    // Of two rules for one grant the later counts, as it does in the table.
    std::unordered_map<grant_key, adopted_grant> latest;
    for (adopted_grant& each : found.grants) {
        const auto [known, added] = latest.emplace(each.key, each);
        if (!added && known->second.expires < each.expires) known->second = each;
    }
    for (auto& [key, each] : latest) outcome.adopted.push_back(each);
    std::ranges::stable_sort(outcome.adopted, {}, &adopted_grant::expires);
    if (found.unknown != 0)
        outcome.notices.push_back("Removed " + std::to_string(found.unknown) +
                                  " rules from the anchor '" + options_.anchor +
                                  "' that are not of this daemon's making: the anchor is its own");
    co_return co_await write(plan_pf_anchor(outcome.adopted));
}

asio::awaitable<start_outcome> pf_backend::start(moment /*now*/) {
    start_outcome outcome;
    outcome.error = (co_await check_links()).error;
    if (!outcome.ok()) co_return outcome;
    if (options_.flush_at_init)
        outcome.error = (co_await flush()).error;
    else
        outcome.error = (co_await adopt(outcome)).error;
    co_return outcome;
}

asio::awaitable<apply_outcome> pf_backend::apply(const change_batch& batch,
                                                 const grant_table& wanted, moment /*now*/) {
    apply_outcome outcome;
    change_failure failed;
    for (std::size_t i = 0; i < batch.changes.size(); ++i) {
        const change& step = batch.changes[i];
        std::string obstacle = pf_obstacle(step.key);
        if (obstacle.empty())
            failed.changes.push_back(i);
        else if (step.kind != change_kind::remove)
            outcome.failures.push_back({{i}, {}, std::move(obstacle)});
    }
    if (failed.changes.empty()) co_return outcome;
    auto done = co_await write(plan_pf_anchor(wanted));
    if (done.ok()) co_return outcome;
    failed.error = std::move(done.error);
    failed.uncertain = done.uncertain;
    outcome.failures.push_back(std::move(failed));
    co_return outcome;
}

asio::awaitable<backend_outcome> pf_backend::stop() {
    if (!options_.flush_at_exit) co_return backend_outcome{};
    co_return co_await flush();
}

asio::awaitable<backend_outcome> pf_backend::flush() {
    std::vector<std::string> arguments{"-a", options_.anchor, "-F", "all"};
    auto done = co_await pfctl_.run(std::move(arguments));
    co_return backend_outcome{std::move(done.error)};
}

asio::awaitable<list_outcome> pf_backend::list(bool everything) {
    list_outcome outcome;
    std::vector<std::vector<std::string>> calls;
    if (everything) calls = {{"-s", "nat"}, {"-s", "rules"}};
    for (const char* const what : {"nat", "rules"})
        calls.push_back({"-a", options_.anchor, "-s", what});
    for (std::vector<std::string>& arguments : calls) {
        auto done = co_await pfctl_.run(std::move(arguments));
        if (!done.ok()) {
            outcome.error = std::move(done.error);
            co_return outcome;
        }
        outcome.text += done.output;
    }
    co_return outcome;
}

} // namespace fwknop
