// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/error.hpp>
#include <fwknop/ip_address.hpp>
#include <fwknop/packet.hpp>

#include <array>
#include <optional>
#include <string_view>

// A packet that travels as an HTTP request (wire format, section 7):
//
//     GET /<text> HTTP/1.1
//     User-Agent: Fwknop/<version>
//
// with `+` sent as `-` and `/` as `_`. Nobody answers it: it only looks like what proxies let pass.

namespace fwknop {

/// Which requests are taken for packets, and what is believed of them.
struct http_rules {
    bool any_user_agent = false; ///< else the user agent must begin with `Fwknop`
    bool forwarded_for = false;  ///< X-Forwarded-For names the sender
};

/// What a request carried.
struct http_cargo {
    std::string_view payload; ///< as the sender sealed it, in the reader's buffer
    /// The address in X-Forwarded-For, if the rules ask for it and it is one address and nothing
    /// else. It stands outside the packet, so nothing authenticates it.
    std::optional<ip_address> forwarded_for;
};

/// Whether `bytes` can be the begin of a request that carries a packet. No packet begins so.
[[nodiscard]] bool begins_http_request(std::string_view bytes) noexcept;

/// Whether the empty line behind the header is in `bytes`: then a request is complete.
[[nodiscard]] bool ends_http_header(std::string_view bytes) noexcept;

/// Unwraps requests, one at a time.
class http_reader {
  public:
    explicit http_reader(http_rules rules) noexcept : rules_{rules} {}

    /// Reads a request; what follows its header is ignored. Of a request that was cut behind its
    /// first line, as by the end of a TCP segment, the complete lines count, unless the rules ask
    /// for X-Forwarded-For: the rest might name another sender. Allocates nothing. The result is
    /// valid until the next call. Errors: `http_request_malformed`, `http_user_agent_foreign`,
    /// `payload_too_long`.
    [[nodiscard]] result<http_cargo> read(std::string_view request);

  private:
    http_rules rules_;
    std::array<char, max_payload_size> text_{};
};

} // namespace fwknop
