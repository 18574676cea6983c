// SPDX-License-Identifier: Apache-2.0
#include "daemon/trial.hpp"

#include "core/spa/text.hpp"
#include "daemon/log.hpp"

#include <cstdint>
#include <stdexcept>
#include <utility>

namespace fwknop::daemon {

namespace {

/// Who has not tried it in a day has forgotten that it will end.
constexpr std::uint32_t max_seconds = 24 * 60 * 60;

} // namespace

trial::trial(const boost::asio::any_io_executor& executor, std::chrono::seconds length,
             backend& filter)
    : length_{length}, end_{std::chrono::steady_clock::now() + length}, timer_{executor} {
    if (!filter.limit_protection(end_))
        throw std::runtime_error{"--trial ends the protection of PROTECT_PORTS, and there is none "
                                 "with this configuration: set PROTECT_PORTS and NFT_MODE protect, "
                                 "or leave --trial out"};
}

void trial::begin(grant_keeper& keeper, std::function<void()> over) {
    keeper_ = &keeper;
    over_ = std::move(over);
    state_ = state::running;
    log::warning("Trial: ports are hidden for " + std::to_string(length_.count()) +
                 " seconds, then no more. To keep them hidden: fwknopd --confirm");
    wait();
}

void trial::wait() {
    timer_.expires_at(end_);
    timer_.async_wait([this](boost::system::error_code cancelled) {
        if (!cancelled && state_ == state::running) over_();
    });
}

void trial::confirm() {
    if (state_ != state::running) {
        log::warning(state_ == state::starting ? "Trial: it has not begun yet: confirm it later."
                                               : "Trial: it is confirmed already.");
        return;
    }
    state_ = state::confirming;
    keeper_->confirm_protection([this](const backend_outcome& outcome) {
        if (outcome.ok()) {
            state_ = state::confirmed;
            timer_.cancel();
            log::info("Trial: confirmed, ports stay hidden.");
            return;
        }
        state_ = state::running;
        log::error("Trial: could not be confirmed and goes on: " + outcome.error);
        wait(); // or it is over by now
    });
}

std::optional<std::chrono::seconds> parse_trial(const std::optional<std::string>& text) {
    if (!text) return std::nullopt;
    const auto seconds = parse_digits<std::uint32_t>(*text);
    if (!seconds || *seconds == 0 || *seconds > max_seconds) {
        throw std::runtime_error{"[*] --trial value '" + *text +
                                 "' is not a number of seconds from 1 to " +
                                 std::to_string(max_seconds) + " (a day)"};
    }
    return std::chrono::seconds{*seconds};
}

} // namespace fwknop::daemon
