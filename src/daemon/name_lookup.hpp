// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/ip_address.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace fwknop::daemon {

struct lookup_settings {
    std::string program = "/usr/bin/getent";                        ///< absolute
    std::chrono::milliseconds time_limit = std::chrono::seconds{5}; ///< of one look-up
    std::size_t most = 8;                                           ///< at the same time
};

struct lookup_result {
    std::optional<ip_address> address;
    std::string error; ///< why there is none; a sentence without a final stop
};

/// Finds addresses of hosts as the system's own programs would (nsswitch.conf), each in a child
/// process: a name server that does not answer holds up neither the event loop nor the end of the
/// daemon, and cannot be made to hold more than a few processes.
class name_lookup {
  public:
    explicit name_lookup(lookup_settings settings = {});

    /// The first address of `family`. Never throws but when the coroutine is cancelled before.
    [[nodiscard]] boost::asio::awaitable<lookup_result> find(std::string host, ip_family family);

    [[nodiscard]] std::size_t running() const noexcept { return running_; }

  private:
    lookup_settings settings_;
    std::size_t running_ = 0;
};

/// The first usable address of `family` in what `getent ahosts` prints: an address, blanks, more.
[[nodiscard]] std::optional<ip_address> first_address(std::string_view listing, ip_family family);

} // namespace fwknop::daemon
