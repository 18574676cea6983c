// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/frame/frame.hpp"

#include <fwknop/packet.hpp>

#include <string>
#include <string_view>

// Packets as a client sends them, for tests that judge them.

namespace fwknop::test {

/// The time at which everything happens.
inline constexpr std::int64_t noon = 1'700'000'000;

inline constexpr std::string_view pass_phrase = "opensesame";
inline constexpr std::string_view hmac_pass_phrase = "knockknock";

/// What a stanza needs to open what `seal` makes.
inline const std::string our_keys = "KEY opensesame\nHMAC_KEY knockknock\n";

[[nodiscard]] inline ip_address at(std::string_view text) {
    return *ip_address::parse(text);
}

[[nodiscard]] inline message access_message(std::string text = "203.0.113.9,tcp/22") {
    message out;
    out.user = "alice";
    out.time = noon;
    out.version = protocol_version;
    out.text = std::move(text);
    return out;
}

/// A payload of its own each time. An empty `hmac`: none.
[[nodiscard]] inline std::string seal(const message& fields = access_message(),
                                      std::string_view key = pass_phrase,
                                      std::string_view hmac = hmac_pass_phrase) {
    const encryption_key encryption{secret_bytes::from_text(key)};
    if (hmac.empty()) {
        return seal_packet(fields, digest_type::sha256, encryption, nullptr, seal_nonce::generate())
            .value()
            .payload;
    }
    const auto signing = hmac_key::make(digest_type::sha256, secret_bytes::from_text(hmac)).value();
    return seal_packet(fields, digest_type::sha256, encryption, &signing, seal_nonce::generate())
        .value()
        .payload;
}

/// 192.0.2.7:40000 -> 198.51.100.9:62201 over UDP. The payload's owner keeps it alive.
[[nodiscard]] inline datagram datagram_of(std::string_view payload,
                                          std::string_view source = "192.0.2.7") {
    return {.source = at(source),
            .destination = at("198.51.100.9"),
            .protocol = ip_protocol_udp,
            .source_port = 40000,
            .destination_port = 62201,
            .payload = payload};
}

} // namespace fwknop::test
