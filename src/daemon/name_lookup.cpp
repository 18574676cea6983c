// SPDX-License-Identifier: Apache-2.0
#include "daemon/name_lookup.hpp"

#include "firewall/child.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace fwknop::daemon {

namespace asio = boost::asio;

name_lookup::name_lookup(lookup_settings settings) : settings_{std::move(settings)} {}

asio::awaitable<lookup_result> name_lookup::find(std::string host, ip_family family) {
    if (running_ >= settings_.most) {
        co_return lookup_result{std::nullopt, std::to_string(running_) +
                                                  " look-ups are under way already, try again"};
    }
    ++running_;
    const auto done = [](std::size_t* running) { --*running; };
    const std::unique_ptr<std::size_t, decltype(done)> guard{&running_, done};

    child_command command;
    command.path = settings_.program;
    // The name comes from a packet: it must not be taken for an option.
    command.arguments = {family == ip_family::v4 ? "ahostsv4" : "ahostsv6", "--", std::move(host)};
    command.time_limit = settings_.time_limit;
    const child_result result = co_await run_child(command);
    if (auto address = first_address(result.output, family)) co_return lookup_result{address, {}};
    if (result.end == child_end::exited && result.code == 2) {
        co_return lookup_result{std::nullopt, "no such host"}; // getent(1) has no words for it
    }
    co_return lookup_result{std::nullopt, result.ok() ? "it has no address of the client's family"
                                                      : describe_failure(command, result)};
}

std::optional<ip_address> first_address(std::string_view listing, ip_family family) {
    while (!listing.empty()) {
        const std::size_t end = std::min(listing.find('\n'), listing.size());
        const std::string_view line = listing.substr(0, end);
        listing.remove_prefix(std::min(end + 1, listing.size()));
        const auto address = ip_address::parse(line.substr(0, line.find_first_of(" \t")));
        // An IPv6 listing has IPv4 hosts as mapped addresses.
        if (address && address->unmapped().family() == family && !address->is_unspecified()) {
            return address->unmapped();
        }
    }
    return std::nullopt;
}

} // namespace fwknop::daemon
