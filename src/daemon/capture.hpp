// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/frame/frame.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

struct pcap;

namespace fwknop::daemon {

struct capture_settings {
    std::string filter; ///< a libpcap expression; empty: everything
    bool promiscuous = false;
    bool any_direction = false;                    ///< packets that we send, too
    int snap_length = 1500;                        ///< bytes of a frame beyond the link header
    std::size_t ring_size = std::size_t{2} << 20U; ///< bytes the kernel buffers during a flood
};

/// A libpcap source of frames, live or from a file. Start-up failures throw std::runtime_error
/// whose text says what to do.
class capture {
  public:
    /// Watches `interface` ("any" for all): immediate mode, non-blocking.
    static capture live(const std::string& interface, const capture_settings& settings);

    /// Reads a capture file. Symbolic links are refused.
    static capture offline(const std::string& path, const capture_settings& settings);

    /// One frame as captured. `wire_length` is what it was on the wire. Valid during the call.
    using frame_handler = std::function<void(link_type link, std::span<const std::uint8_t> captured,
                                             std::size_t wire_length)>;

    enum class state {
        more,   ///< all that was asked for, or all that is there for now
        ended,  ///< the file has no more
        failed, ///< the interface is gone or down: `last_error` has libpcap's words
    };

    struct dispatched {
        std::size_t frames = 0;
        state now = state::more;
    };

    /// Hands up to `limit` waiting frames to `handle`. Never blocks. `handle` must not throw.
    dispatched dispatch(std::size_t limit, const frame_handler& handle);

    /// Readable when frames wait; owned by this object. -1 for a file.
    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

    /// What libpcap said last.
    [[nodiscard]] std::string last_error() const;

    /// Frames that the kernel had to drop because we were too slow; 0 when not known.
    [[nodiscard]] std::uint64_t dropped() const;

  private:
    struct closer {
        void operator()(pcap* handle) const noexcept;
    };
    using handle_ptr = std::unique_ptr<pcap, closer>;

    capture(handle_ptr handle, const std::string& name, const capture_settings& settings);

    handle_ptr handle_;
    link_type link_ = link_type::ethernet;
    int descriptor_ = -1;
};

} // namespace fwknop::daemon
