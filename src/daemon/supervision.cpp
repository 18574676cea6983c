// SPDX-License-Identifier: Apache-2.0
#include "daemon/supervision.hpp"

#include <boost/system/error_code.hpp>

#include <utility>

namespace fwknop::daemon {

namespace {

/// How soon a manager that had no room for READY is asked again.
constexpr std::chrono::milliseconds ready_retry{100};

} // namespace

supervision::supervision(const boost::asio::any_io_executor& executor, service_manager manager,
                         std::function<std::string()> status)
    : manager_{std::move(manager)}
    , status_{std::move(status)}
    , ready_timer_{executor}
    , watchdog_timer_{executor}
    , status_timer_{executor} {}

void supervision::ready() {
    if (!manager_.present()) return;
    if (!ready_) {
        ready_ = true;
        give_sign();
    }
    told_ = status_();
    told_at_ = std::chrono::steady_clock::now();
    if (manager_.ready(told_)) return;
    ready_timer_.expires_after(ready_retry);
    ready_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) ready();
    });
}

void supervision::reloading() {
    if (ready_) manager_.reloading(std::chrono::steady_clock::now());
}

void supervision::changed() {
    if (!ready_ || status_armed_) return;
    status_armed_ = true;
    status_timer_.expires_at(told_at_ + status_interval);
    status_timer_.async_wait([this](const boost::system::error_code& error) {
        status_armed_ = false;
        if (!error) tell_status();
    });
}

void supervision::stopping() {
    ready_timer_.cancel();
    status_timer_.cancel();
    if (ready_) manager_.stopping();
    ready_ = false;
}

// Twice as often as asked for, as sd_watchdog_enabled(3) has it: one that is late does no harm.
void supervision::give_sign() {
    if (!manager_.watchdog()) return;
    manager_.alive();
    watchdog_timer_.expires_after(*manager_.watchdog() / 2);
    watchdog_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) give_sign();
    });
}

void supervision::tell_status() {
    if (!ready_) return;
    std::string line = status_();
    if (line == told_) return;
    told_ = std::move(line);
    told_at_ = std::chrono::steady_clock::now();
    manager_.status(told_);
}

std::string status_line(const packet_counters& counters, std::size_t open_grants) {
    const auto refused = counters.received - counters.granted - counters.replayed;
    return "Packets: " + std::to_string(counters.received) + " received, " +
           std::to_string(counters.granted) + " granted, " + std::to_string(counters.replayed) +
           " replayed, " + std::to_string(refused) +
           " refused; grants open: " + std::to_string(open_grants);
}

std::vector<std::string> status_details(const packet_counters& counters) {
    std::vector<std::string> lines;
    const auto add = [&lines](std::string_view reason, std::uint64_t count) {
        if (count != 0) lines.push_back(std::string{reason} + ": " + std::to_string(count));
    };
    for (std::size_t i = 0; i < counters.by_error.size(); ++i)
        add(message_of(static_cast<errc>(i)), counters.by_error[i]);
    for (std::size_t i = 0; i < counters.by_refusal.size(); ++i)
        add(name_of(static_cast<refusal>(i)), counters.by_refusal[i]);
    add("no stanza for the source", counters.unexpected);
    add("the same TCP data seen again", counters.seen_again);
    add("could not be recorded", counters.not_recorded);
    add("more than their source's share of the time", counters.withheld);
    return lines;
}

} // namespace fwknop::daemon
