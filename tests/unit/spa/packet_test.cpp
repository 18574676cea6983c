// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/base64.hpp"
#include "core/crypto/cipher.hpp"
#include "core/spa/fields.hpp"
#include "support/result.hpp"

#include <fwknop/packet.hpp>

#include <catch2/catch.hpp>

#include <cstring>
#include <memory>
#include <set>
#include <string>

using namespace fwknop;
using fwknop::test::error_of;

namespace {

const seal_nonce nonce{"0123456789012345", {1, 2, 3, 4, 5, 6, 7, 8}};

encryption_key key_of(std::string_view text, encryption_mode mode = encryption_mode::cbc) {
    return {secret_bytes::from_text(text), mode};
}

hmac_key hmac_of(std::string_view text, digest_type type = digest_type::sha256) {
    return hmac_key::make(type, secret_bytes::from_text(text)).value();
}

message access_message(std::string text = "192.0.2.7,tcp/22") {
    message out;
    out.user = "alice";
    out.time = 1795303874;
    out.version = protocol_version;
    out.text = std::move(text);
    return out;
}

// Exactly as many bytes as there are, so that a read past the end is seen by the sanitizer.
errc examine_error(const std::string& payload) {
    const auto exact = std::make_unique<char[]>(payload.size());
    std::memcpy(exact.get(), payload.data(), payload.size());
    return error_of(examine_payload({exact.get(), payload.size()}));
}

errc open_error(const std::string& payload, const encryption_key& key, const hmac_key* hmac) {
    const auto exact = std::make_unique<char[]>(payload.size());
    std::memcpy(exact.get(), payload.data(), payload.size());
    const auto examined = examine_payload({exact.get(), payload.size()});
    if (!examined) return errc_of(examined.error());
    return error_of(open_packet(*examined, key, hmac));
}

// A packet around any plain text, good or not, padded and encrypted as it should be.
std::string seal_text(std::string_view plain, const encryption_key& key, const hmac_key* hmac) {
    const auto salted = crypto::encrypt(
        key, nonce.salt, {reinterpret_cast<const std::uint8_t*>(plain.data()), plain.size()});
    const std::string text = crypto::base64_encode(salted.value()).substr(10);
    return hmac == nullptr ? text : text + hmac->sign("U2FsdGVkX1", text).value();
}

} // namespace

TEST_CASE("payload length is limited from both sides") {
    CHECK(examine_error(std::string{}) == errc::payload_too_short);
    CHECK(examine_error(std::string(139, 'A')) == errc::payload_too_short);
    CHECK(examine_error(std::string(140, 'A')) == errc{});
    CHECK(examine_error(std::string(1499, 'A')) == errc{});
    CHECK(examine_error(std::string(1500, 'A')) == errc::payload_too_long);
}

TEST_CASE("put-back prefixes are refused") {
    CHECK(examine_error("U2FsdGVkX1" + std::string(200, 'A')) == errc::payload_rijndael_prefix);
    CHECK(examine_error("U2FsdGVkX2" + std::string(200, 'A')) == errc{});
    CHECK(examine_error("hQ" + std::string(398, 'A')) == errc{}); // 400 characters
    CHECK(examine_error("hQ" + std::string(399, 'A')) == errc::payload_gpg_prefix);
}

TEST_CASE("only base64 characters are a payload") {
    for (int byte = 0; byte < 256; ++byte) {
        const char c = static_cast<char>(byte);
        std::string payload(200, 'A');
        payload[100] = c;
        const bool in_alphabet = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                                 (c >= '0' && c <= '9') || c == '+' || c == '/';
        CAPTURE(byte);
        CHECK(examine_error(payload) == (in_alphabet ? errc{} : errc::payload_not_base64));
    }
}

TEST_CASE("every mode, digest and HMAC goes both ways") {
    using enum encryption_mode;
    for (const auto mode : {ecb, cbc, cfb, ofb, ctr, legacy}) {
        for (const auto digest : all_digest_types) {
            for (const auto hmac_type : all_digest_types) {
                const auto key = key_of("some pass phrase", mode);
                const auto hmac = hmac_of("some hmac key", hmac_type);
                const auto sealed =
                    seal_packet(access_message(), digest, key, &hmac, seal_nonce::generate());
                REQUIRE(sealed);
                const auto examined = examine_payload(sealed->payload);
                REQUIRE(examined);
                CHECK(examined->may_be_symmetric());
                const auto opened = open_packet(*examined, key, &hmac);
                REQUIRE(opened);
                CHECK(opened->message == sealed->contents.message);
                CHECK(opened->digest == digest);
                CHECK(opened->hmac_text == sealed->contents.hmac_text);
            }
        }
    }
}

TEST_CASE("an IPv6 allow address goes both ways") {
    const auto key = key_of("k");
    const auto hmac = hmac_of("h");
    const auto sealed = seal_packet(access_message("2001:db8::7,tcp/22,udp/500"),
                                    digest_type::sha256, key, &hmac, nonce);
    REQUIRE(sealed);
    const auto opened = open_packet(examine_payload(sealed->payload).value(), key, &hmac);
    REQUIRE(opened);
    CHECK(opened->message.text == "2001:db8::7,tcp/22,udp/500");
}

TEST_CASE("the HMAC is looked for at its own length") {
    const auto key = key_of("k");
    const auto hmac = hmac_of("h", digest_type::sha512);
    const auto sealed = seal_packet(access_message(), digest_type::sha256, key, &hmac, nonce);
    REQUIRE(sealed);
    CHECK(open_error(sealed->payload, key, &hmac) == errc{});
    CHECK(open_error(sealed->payload + 'A', key, &hmac) == errc::hmac_mismatch);
    std::string shorter = sealed->payload;
    shorter.pop_back();
    CHECK(open_error(shorter, key, &hmac) == errc::hmac_mismatch);
    const auto other_type = hmac_of("h", digest_type::sha256);
    CHECK(open_error(sealed->payload, key, &other_type) == errc::hmac_mismatch);
}

TEST_CASE("a packet without HMAC cannot be spelled in another way") {
    const auto key = key_of("k");
    // Plain text of a whole number of blocks: the last block is nothing but padding.
    std::string payload;
    for (std::size_t extra = 0; payload.empty(); ++extra) {
        REQUIRE(extra < 8 * 48);
        auto fields = access_message();
        fields.user = std::string(1 + extra / 8, 'u');
        fields.version = std::string(1 + extra % 8, '3');
        const auto sealed = seal_packet(fields, digest_type::sha256, key, nullptr, nonce);
        REQUIRE(sealed);
        const auto plain = sealed->contents.encoded + ':' + sealed->contents.digest_text;
        if (plain.size() % 16 == 0 && sealed->payload.size() % 4 != 2) payload = sealed->payload;
    }
    REQUIRE(open_error(payload, key, nullptr) == errc{});

    SECTION("by left-over bits of the last character") {
        std::size_t refused = 0;
        for (const char c : std::string{"BCDEFGHIJKLMNOPQRSTUVWXYZ"}) {
            std::string changed = payload;
            if (changed.back() == c) continue;
            changed.back() = c;
            CHECK(open_error(changed, key, nullptr) != errc{});
            ++refused;
        }
        CHECK(refused >= 24);
    }
    SECTION("by padding characters") {
        CHECK(open_error(payload + '=', key, nullptr) == errc::payload_not_base64);
    }
    SECTION("by one more character that decodes to nothing") {
        CHECK(open_error(payload + 'A', key, nullptr) == errc::ciphertext_length);
    }
    SECTION("by cutting off the block of padding") {
        const std::string binary = crypto::base64_decode("U2FsdGVkX1" + payload).value();
        const std::string cut =
            crypto::base64_encode(std::string_view{binary}.substr(0, binary.size() - 16));
        CHECK(open_error(cut.substr(10), key, nullptr) == errc::decryption_failed);
    }
}

TEST_CASE("ciphertext that is no whole number of blocks") {
    const auto key = key_of("k");
    const auto hmac = hmac_of("h");
    for (const std::size_t size : {141U, 150U, 171U}) {
        const std::string text = "9" + std::string(size - 1, 'A');
        CHECK(open_error(text, key, nullptr) == errc::ciphertext_length);
        CHECK(open_error(text + hmac.sign("U2FsdGVkX1", text).value(), key, &hmac) ==
              errc::ciphertext_length);
    }
}

TEST_CASE("text that does not begin as every packet begins fails decryption") {
    const auto key = key_of("k");
    const auto hmac = hmac_of("h");
    const std::string filler(120, 'x');
    for (const std::string start :
         {"", "012345678901234:", "0123456789012345x", "x123456789012345:"}) {
        CAPTURE(start);
        CHECK(open_error(seal_text(start + filler, key, &hmac), key, &hmac) ==
              errc::decryption_failed);
    }
    CHECK(open_error(seal_text("0123456789012345:" + filler, key, &hmac), key, &hmac) ==
          errc::too_few_fields);
}

TEST_CASE("encryption keys have 1 to 32 bytes") {
    for (const std::size_t size : {1U, 16U, 32U}) {
        CHECK(error_of(check_encryption_key(key_of(std::string(size, 'k')))) == errc{});
    }
    CHECK(error_of(check_encryption_key(key_of(""))) == errc::key_empty);
    CHECK(error_of(check_encryption_key(key_of(std::string(33, 'k')))) == errc::key_too_long);
    CHECK(error_of(check_encryption_key(key_of("k", encryption_mode::pcbc))) ==
          errc::encryption_mode_unsupported);
    CHECK(error_of(check_encryption_key(key_of("k", encryption_mode::asymmetric))) ==
          errc::encryption_mode_unsupported);
    CHECK(error_of(seal_packet(access_message(), digest_type::sha256, key_of(""), nullptr,
                               nonce)) == errc::key_empty);
}

TEST_CASE("HMAC keys have 1 to 136 bytes") {
    const auto make = [](std::size_t size) {
        return error_of(hmac_key::make(digest_type::sha256, secret_bytes{size}));
    };
    CHECK(make(0) == errc::key_empty);
    CHECK(make(1) == errc{});
    CHECK(make(136) == errc{});
    CHECK(make(137) == errc::key_too_long);
}

TEST_CASE("legacy pass phrases are filled up with zeros to 16 bytes, and only those") {
    const auto sealed = seal_packet(access_message(), digest_type::sha256,
                                    key_of("short", encryption_mode::legacy), nullptr, nonce);
    REQUIRE(sealed);
    CHECK(open_error(sealed->payload, key_of("short00000000000"), nullptr) == errc{});
    CHECK(open_error(sealed->payload, key_of("short"), nullptr) == errc::decryption_failed);
}

TEST_CASE("one HMAC key verifies many packets") {
    const auto hmac = hmac_of("h");
    const std::string first = hmac.sign("a", "bc").value();
    CHECK(hmac.sign("ab", "c").value() == first);
    CHECK(hmac.sign("a", "bd").value() != first);
    CHECK(error_of(hmac.verify("a", "bc", first)) == errc{});
    CHECK(error_of(hmac.verify("a", "bc", first.substr(1))) == errc::hmac_mismatch);
    CHECK(error_of(hmac.verify("a", "bc", "")) == errc::hmac_mismatch);
}

TEST_CASE("nonces do not repeat") {
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) {
        const auto each = seal_nonce::generate();
        REQUIRE(each.random_value.size() == 16);
        REQUIRE(each.random_value.find_first_not_of("0123456789") == std::string::npos);
        seen.insert(each.random_value + std::string(each.salt.begin(), each.salt.end()));
    }
    CHECK(seen.size() == 1000);
}

TEST_CASE("a packet is known by the SHA-256 of its text") {
    const auto id = identify_payload("abc");
    REQUIRE(id);
    CHECK(crypto::base64_encode(*id) == "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0");
}
