// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

struct mnl_socket;

namespace fwknop::daemon {

/// What happened to a network interface.
struct link_event {
    std::string name;
    bool up = false; ///< switched on by an administrator; a cable may still be missing
};

/// Hands every interface event in the kernel's messages to `handle`. Anything else in there is
/// passed over; a message cut short ends the reading. Source: rtnetlink(7).
void read_link_events(std::span<const std::uint8_t> messages,
                      const std::function<void(const link_event&)>& handle);

/// Learns from the kernel when interfaces go down, which libpcap does not tell: an AF_PACKET socket
/// of a link that is down just stays silent.
class link_monitor {
  public:
    /// Throws std::runtime_error when the kernel's messages cannot be had.
    link_monitor();

    /// Readable when there are events; owned by this object.
    [[nodiscard]] int descriptor() const noexcept;

    /// Hands over what is waiting. Never blocks. False when events were lost, because too many came
    /// at once: then the interfaces have to be looked at.
    [[nodiscard]] bool receive(const std::function<void(const link_event&)>& handle);

  private:
    struct closer {
        void operator()(mnl_socket* socket) const noexcept;
    };
    std::unique_ptr<mnl_socket, closer> socket_;
};

/// Whether an interface of this name exists and is switched on. `any` always is.
[[nodiscard]] bool is_link_up(const std::string& name);

} // namespace fwknop::daemon
