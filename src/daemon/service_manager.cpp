// SPDX-License-Identifier: Apache-2.0
#include "daemon/service_manager.hpp"

#include "core/spa/text.hpp"

#include <cstdint>
#include <cstdlib>
#include <stdexcept>

#include <unistd.h>

namespace fwknop::daemon {

namespace {

/// The value of a variable that is no longer there afterwards.
std::optional<std::string> take(const char* name) {
    const char* const value = std::getenv(name);
    if (value == nullptr) return std::nullopt;
    std::optional<std::string> copy{value};
    ::unsetenv(name);
    return copy;
}

// Meant for the process with that number only, where one is given.
std::optional<std::chrono::microseconds> watchdog_of(const std::optional<std::string>& interval,
                                                     const std::optional<std::string>& pid) {
    if (!interval) return std::nullopt;
    if (pid && parse_digits<std::int64_t>(*pid) != ::getpid()) return std::nullopt;
    const auto microseconds = parse_digits<std::int64_t>(*interval);
    if (!microseconds || *microseconds == 0) return std::nullopt;
    return std::chrono::microseconds{*microseconds};
}

} // namespace

service_manager::service_manager(const std::string& socket,
                                 std::optional<std::chrono::microseconds> watchdog)
    : socket_{std::in_place, socket}, watchdog_{watchdog} {}

service_manager service_manager::from_environment() {
    const auto socket = take("NOTIFY_SOCKET");
    const auto interval = take("WATCHDOG_USEC");
    const auto pid = take("WATCHDOG_PID");
    if (!socket) return {};
    try {
        return service_manager{*socket, watchdog_of(interval, pid)};
    } catch (const std::runtime_error& error) {
        throw std::runtime_error{std::string{error.what()} + " (NOTIFY_SOCKET)"};
    }
}

bool service_manager::ready(std::string_view status) const {
    return tell("READY=1\nSTATUS=" + std::string{status});
}

void service_manager::reloading(std::chrono::steady_clock::time_point now) const {
    // The steady clock is CLOCK_MONOTONIC, which the manager compares this with.
    const auto since =
        std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch());
    tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(since.count()));
}

void service_manager::stopping() const {
    tell("STOPPING=1");
}

void service_manager::status(std::string_view line) const {
    tell("STATUS=" + std::string{line});
}

void service_manager::alive() const {
    tell("WATCHDOG=1");
}

bool service_manager::tell(std::string_view words) const {
    return !socket_ || socket_->send(words) == local_datagram::delivery::sent;
}

} // namespace fwknop::daemon
