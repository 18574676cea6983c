// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/base64.hpp"
#include "core/spa/gpg_framing.hpp"
#include "support/result.hpp"

#include <fwknop/packet_steps.hpp>

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <vector>

using namespace fwknop;
using fwknop::test::error_of;
using bytes = std::vector<std::uint8_t>;

namespace {

// A session key of `length` bytes under `header`, and the beginning of encrypted data. The filling
// must not look like a packet.
bytes session_key(const bytes& header, std::size_t length) {
    bytes out = header;
    out.push_back(3);
    out.insert(out.end(), length - 1, 0x11);
    out.push_back(0xd2);
    out.insert(out.end(), 200, 0x22);
    return out;
}

errc frame_error(const bytes& message) {
    const auto exact = std::make_unique<std::uint8_t[]>(message.size());
    std::copy(message.begin(), message.end(), exact.get());
    return error_of(frame_for_hq_prefix({exact.get(), message.size()}));
}

std::vector<std::string> prefixes(std::string_view text) {
    const auto exact = std::make_unique<char[]>(text.size());
    std::copy(text.begin(), text.end(), exact.get());
    std::vector<std::string> out;
    for (const auto& each : possible_gpg_prefixes({exact.get(), text.size()}))
        out.emplace_back(each.data(), each.size());
    return out;
}

// What a sender that cuts any two characters makes of `message`.
std::string cut(const bytes& message) {
    return crypto::base64_encode(message).substr(2);
}

} // namespace

TEST_CASE("every definite header of a session key becomes the three-byte one") {
    struct row {
        const char* name;
        bytes header;
        std::size_t length;
    };
    const std::vector<row> rows{
        {"RSA 2048", {0x85, 0x01, 0x0c}, 268},
        {"curve 25519", {0x84, 0x5e}, 94},
        {"RSA 1024", {0x84, 0x8c}, 140},
        {"four bytes of length", {0x86, 0, 0, 0, 0x5e}, 94},
        {"new format, one byte", {0xc1, 0x5e}, 94},
        {"new format, two bytes", {0xc1, 0xc0, 0x4c}, 268},
        {"new format, five bytes", {0xc1, 0xff, 0, 0, 0, 0x5e}, 94},
        {"the longest", {0x85, 0x0f, 0xff}, 4095},
    };
    for (const auto& [name, header, length] : rows) {
        INFO(name);
        const auto framed = frame_for_hq_prefix(session_key(header, length));
        REQUIRE(framed);
        const bytes three{0x85, static_cast<std::uint8_t>(length >> 8U),
                          static_cast<std::uint8_t>(length & 0xffU)};
        CHECK(*framed == session_key(three, length));
        CHECK(crypto::base64_encode(*framed).starts_with("hQ"));
    }
}

TEST_CASE("what is no message to a public key is not framed") {
    const std::string armor = "-----BEGIN PGP MESSAGE-----\n";
    for (const bytes& message : {
             bytes{}, bytes{0x84}, bytes{0x85, 0x01},
             bytes{0x85, 0x00, 0x02, 0x03},             // one byte short
             bytes{0x87, 0x03, 0x04},                   // no length at all
             bytes{0xc1, 0xe1, 0x03, 0x04},             // partial length
             bytes{0xc1, 0xff, 0x00, 0x00},             // length cut off
             session_key({0x8c, 0x5e}, 94),             // a pass phrase's session key
             session_key({0x86, 0, 0, 0x10, 0}, 0x1000) // too long for `hQ`
         }) {
        CHECK(frame_error(message) == errc::gpg_message_malformed);
    }
    CHECK(frame_error({armor.begin(), armor.end()}) == errc::gpg_message_malformed);
    CHECK(frame_error({0x84, 0x01, 0x03}) == errc{});
}

TEST_CASE("the prefix that was cut off is found again") {
    CHECK(prefixes(cut(session_key({0x85, 0x01, 0x0c}, 268))) == std::vector<std::string>{"hQ"});
    CHECK(prefixes(cut(session_key({0x84, 0x5e}, 94))) == std::vector<std::string>{"hQ", "hF"});
    CHECK(prefixes(cut(session_key({0x84, 0x8c}, 140))) == std::vector<std::string>{"hQ", "hI"});
    CHECK(prefixes(cut(session_key({0x84, 0x4e}, 78))) == std::vector<std::string>{"hQ", "hE"});
}

TEST_CASE("only what may follow a session key ends it") {
    bytes message{0x84, 0x5e, 3};
    message.insert(message.end(), 93, 0x99); // a public key's header, everywhere
    message.push_back(0xd2);
    message.insert(message.end(), 200, 0x99);
    CHECK(prefixes(cut(message)) == std::vector<std::string>{"hQ", "hF"});
}

TEST_CASE("text of any length has at least one possible prefix, and no more than four") {
    const std::string whole = cut(session_key({0x84, 0x5e}, 94));
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        const auto found = prefixes(whole.substr(0, size));
        REQUIRE(!found.empty());
        CHECK(found.front() == "hQ");
    }
    bytes greedy{0x84, 0x5e, 3};
    greedy.insert(greedy.end(), 300, 0x84); // a packet begins everywhere
    CHECK(prefixes(cut(greedy)).size() == gpg_prefix_list::max_size);
    CHECK(prefixes("\xff\x80==").size() == 1);
}
