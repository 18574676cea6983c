// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/base64.hpp"
#include "support/result.hpp"
#include "vectors.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace fwknop;
using fwknop::test::error_of;
using fwknop::test::vector;

namespace {

// The salt follows the eight bytes of `Salted__` in the ciphertext.
std::array<std::uint8_t, 8> salt_of(const std::string& packet) {
    const std::string header = crypto::base64_decode("U2FsdGVkX1" + packet.substr(0, 14)).value();
    std::array<std::uint8_t, 8> salt{};
    std::copy_n(header.begin() + 8, salt.size(), salt.begin());
    return salt;
}

result<opened_packet> open_vector(const vector& each) {
    const auto examined = examine_payload(each.packet);
    if (!examined) return examined.error();
    const auto hmac = test::make_hmac(each);
    const encryption_key key{each.key.clone(), each.mode};
    return open_packet(*examined, key, hmac ? &*hmac : nullptr);
}

} // namespace

TEST_CASE("138 recorded packets open to their fields, 6 are rejected") {
    std::size_t opened = 0;
    std::size_t rejected = 0;
    for (const auto& each : test::load_vectors()) {
        CAPTURE(each.name);
        const auto packet = open_vector(each);
        if (test::must_be_rejected(each)) {
            CHECK_FALSE(packet);
            ++rejected;
            continue;
        }
        if (!packet) FAIL(packet.error().message());
        CHECK(packet->message == each.fields);
        CHECK(packet->encoded == each.encoded);
        CHECK(packet->digest == each.digest);
        CHECK(packet->digest_text == each.digest_text);
        CHECK(packet->hmac_text == each.hmac_text);
        ++opened;
    }
    CHECK(opened == 138);
    CHECK(rejected == 6);
}

TEST_CASE("the rejected packets are rejected for their own reason") {
    for (const auto& each : test::load_vectors()) {
        if (!test::must_be_rejected(each)) continue;
        CAPTURE(each.name);
        const auto packet = open_vector(each);
        CHECK(error_of(packet) == (each.mode == encryption_mode::pcbc
                                       ? errc::encryption_mode_unsupported
                                       : errc::user_name_too_long));
    }
}

TEST_CASE("sealing again with the same salt and random value gives the same bytes") {
    std::size_t sealed = 0;
    for (const auto& each : test::load_vectors()) {
        if (test::must_be_rejected(each)) continue;
        CAPTURE(each.name);
        const auto hmac = test::make_hmac(each);
        const auto packet =
            seal_packet(each.fields, each.digest, {each.key.clone(), each.mode},
                        hmac ? &*hmac : nullptr, {each.fields.random_value, salt_of(each.packet)});
        if (!packet) FAIL(packet.error().message());
        CHECK(packet->payload == each.packet);
        ++sealed;
    }
    CHECK(sealed == 138);
}

TEST_CASE("a recorded packet does not open with another key, HMAC key or HMAC type") {
    const secret_bytes other = secret_bytes::from_text("another key");
    for (const auto& each : test::load_vectors()) {
        if (test::must_be_rejected(each)) continue;
        CAPTURE(each.name);
        const auto examined = examine_payload(each.packet);
        REQUIRE(examined);
        const auto hmac = test::make_hmac(each);
        const auto* const right_hmac = hmac ? &*hmac : nullptr;

        const encryption_key wrong_key{other.clone(), each.mode};
        const auto undecrypted = open_packet(*examined, wrong_key, right_hmac);
        CHECK(error_of(undecrypted) == errc::decryption_failed);

        const encryption_key right_key{each.key.clone(), each.mode};
        const auto wrong_hmac = hmac_key::make(each.hmac.value_or(digest_type::sha256), other);
        const auto unauthenticated = open_packet(*examined, right_key, &*wrong_hmac);
        CHECK(error_of(unauthenticated) == errc::hmac_mismatch);
    }
}

TEST_CASE("no single changed character of a packet with HMAC goes unnoticed") {
    const auto vectors = test::load_vectors();
    const auto each = std::find_if(vectors.begin(), vectors.end(),
                                   [](const vector& v) { return v.name == "digest-3"; });
    REQUIRE(each != vectors.end());
    const auto hmac = test::make_hmac(*each);
    const encryption_key key{each->key.clone(), each->mode};
    for (std::size_t i = 0; i < each->packet.size(); ++i) {
        CAPTURE(i);
        std::string changed = each->packet;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        const auto examined = examine_payload(changed);
        REQUIRE(examined);
        const auto packet = open_packet(*examined, key, &*hmac);
        CHECK(error_of(packet) == errc::hmac_mismatch);
    }
}
