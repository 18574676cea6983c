// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/frame/frame.hpp"
#include "daemon/file_descriptor.hpp"

#include <fwknop/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace fwknop::daemon {

/// A UDP socket that listens on one port for IPv4 and IPv6 and knows each datagram's destination
/// address. Never sends. Start-up failures throw std::runtime_error.
class udp_listener {
  public:
    explicit udp_listener(std::uint16_t port);

    /// Hands up to `limit` waiting datagrams to `handle` and returns how many there were. Never
    /// blocks. A datagram longer than any packet comes as `errc::payload_too_long`; one whose
    /// addresses cannot be told as `errc::frame_ip_header_malformed`. `handle` must not throw; what
    /// it gets is valid during the call.
    using handler = std::function<void(const result<datagram>&)>;
    std::size_t receive(std::size_t limit, const handler& handle);

    /// Readable when datagrams wait; owned by this object.
    [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }

  private:
    file_descriptor socket_;
    std::uint16_t port_;
    std::array<char, 2048> buffer_{}; ///< one datagram; anything longer is no packet
};

} // namespace fwknop::daemon
