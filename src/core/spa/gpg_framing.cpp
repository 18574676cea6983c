// SPDX-License-Identifier: Apache-2.0
//
// The attack this file answers: text from the network that claims lengths. Nothing here follows a
// length but to look at one byte there, if it exists; whether the message is sound is for GnuPG.

#include "core/spa/gpg_framing.hpp"

#include <fwknop/packet_steps.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>

namespace fwknop {
namespace {

// RFC 4880, section 4.2: the first byte of a packet.
constexpr std::uint8_t any_packet = 0x80;
constexpr std::uint8_t new_format = 0x40;
constexpr std::uint8_t session_key_short = 0x84; ///< old format, tag 1, one byte of length
constexpr std::uint8_t session_key_long = 0x85;  ///< the same, two bytes of length
constexpr std::uint8_t session_key_version = 3;

/// The base64 `hQ` fixes the upper four bits of the length as zero.
constexpr std::size_t max_framed_length = 0xfff;

/// Tags that may follow a session key: another one, one for a pass phrase, encrypted data.
constexpr bool may_follow_session_key(std::uint8_t tag) noexcept {
    return tag == 1 || tag == 3 || tag == 9 || tag == 18 || tag == 20;
}

constexpr std::uint8_t tag_of(std::uint8_t first) noexcept {
    return (first & new_format) != 0 ? first & 0x3fU : (first & 0x3fU) >> 2U;
}

struct packet_header {
    std::size_t size = 0;
    std::size_t length = 0; ///< of the body
};

/// The header of the first packet, if it has a definite length.
std::optional<packet_header> read_header(std::span<const std::uint8_t> message) noexcept {
    const auto bytes = [&](std::size_t from, std::size_t count) -> std::optional<std::size_t> {
        if (message.size() < from + count) return std::nullopt;
        std::size_t value = 0;
        for (std::size_t i = from; i < from + count; ++i) value = value << 8U | message[i];
        return value;
    };
    const auto with = [](std::size_t size,
                         std::optional<std::size_t> length) -> std::optional<packet_header> {
        if (!length) return std::nullopt;
        return packet_header{size, *length};
    };
    if (message.size() < 2 || (message[0] & any_packet) == 0) return std::nullopt;
    if ((message[0] & new_format) == 0) {
        const unsigned length_type = message[0] & 3U;
        if (length_type == 3) return std::nullopt;
        const std::size_t count = std::size_t{1} << length_type;
        return with(1 + count, bytes(1, count));
    }
    if (message[1] < 192) return packet_header{2, message[1]};
    if (message[1] < 224) {
        const auto two = bytes(1, 2);
        return with(3, two ? std::optional{*two - 0xc000 + 192} : std::nullopt);
    }
    if (message[1] == 255) return with(6, bytes(2, 4));
    return std::nullopt;
}

/// Six bits, or nothing outside the alphabet.
constexpr std::optional<unsigned> sextet(char c) noexcept {
    if (c >= 'A' && c <= 'Z') return static_cast<unsigned>(c - 'A');
    if (c >= 'a' && c <= 'z') return static_cast<unsigned>(c - 'a') + 26;
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0') + 52;
    if (c == '+') return 62;
    if (c == '/') return 63;
    return std::nullopt;
}

/// Byte number `index` (from 2 on) of the message whose base64 is two unknown characters and
/// `text`.
std::optional<std::uint8_t> byte_at(std::string_view text, std::size_t index) noexcept {
    const std::size_t bit = index * 8;
    const std::size_t at = bit / 6 - 2;
    if (at + 1 >= text.size()) return std::nullopt;
    const auto high = sextet(text[at]);
    const auto low = sextet(text[at + 1]);
    if (!high || !low) return std::nullopt;
    return static_cast<std::uint8_t>((*high << 6U | *low) >> (4 - bit % 6));
}

} // namespace

result<std::vector<std::uint8_t>> frame_for_hq_prefix(std::span<const std::uint8_t> message) {
    const auto header = read_header(message);
    if (!header || tag_of(message[0]) != 1 || header->length > max_framed_length ||
        message.size() - header->size < header->length) {
        return errc::gpg_message_malformed;
    }
    std::vector<std::uint8_t> framed{session_key_long,
                                     static_cast<std::uint8_t>(header->length >> 8U),
                                     static_cast<std::uint8_t>(header->length & 0xffU)};
    const auto body = message.subspan(header->size);
    framed.insert(framed.end(), body.begin(), body.end());
    return framed;
}

gpg_prefix_list possible_gpg_prefixes(std::string_view text) noexcept {
    gpg_prefix_list list;
    list.add({'h', 'Q'});
    // 0x84 and a length of one byte, whose upper four bits are in the second character: `hA` to
    // `hP`. The right one leads to the next packet.
    const auto low = text.empty() ? std::nullopt : sextet(text.front());
    if (!low || byte_at(text, 2) != session_key_version) return list;
    for (std::size_t high = 0; high < 16; ++high) {
        const std::size_t length = high << 4U | *low >> 2U;
        const auto next = byte_at(text, 2 + length);
        if (length == 0 || !next || (*next & any_packet) == 0) continue;
        if (may_follow_session_key(tag_of(*next))) {
            list.add({'h', static_cast<char>('A' + high)});
        }
    }
    static_assert(session_key_short == 0x84 && ('h' - 'a' + 26) << 2U == session_key_short);
    return list;
}

bool may_be_gpg(std::string_view text) noexcept {
    // Behind `hQ` and the length's lower byte.
    return byte_at(text, 3) == session_key_version || possible_gpg_prefixes(text).size() > 1;
}

} // namespace fwknop
