// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/base64.hpp"
#include "core/spa/key_material.hpp"
#include "support/result.hpp"

#include <fwknop/packet.hpp>

#include <catch2/catch.hpp>

#include <string>

using namespace fwknop;

TEST_CASE("new keys have the size asked for, and are never the same") {
    for (const auto& [encryption, hmac] : {std::pair<std::size_t, std::size_t>{32, 64}, {1, 136}}) {
        const auto keys = key_material::generate(encryption, hmac);
        REQUIRE(keys);
        CHECK(crypto::base64_decode_secret(keys->encryption_key.text())->size() == encryption);
        CHECK(crypto::base64_decode_secret(keys->hmac_key.text())->size() == hmac);
    }
    CHECK(key_material::generate(32, 64)->encryption_key.text() !=
          key_material::generate(32, 64)->encryption_key.text());
}

TEST_CASE("keys of no size and of too much are refused") {
    CHECK(key_material::generate(0, 64).error() == errc::key_empty);
    CHECK(key_material::generate(32, 0).error() == errc::key_empty);
    CHECK(key_material::generate(max_encryption_key_size + 1, 64).error() == errc::key_too_long);
    CHECK(key_material::generate(32, max_received_hmac_key_size + 1).error() == errc::key_too_long);
}

TEST_CASE("keys are written as configuration files have them, padding included") {
    const auto keys = key_material::generate(32, 64);
    REQUIRE(keys);
    CHECK(keys->encryption_key.text().ends_with('='));
    const secret_bytes lines = keys->lines();
    CHECK(lines.text() == "KEY_BASE64: " + std::string{keys->encryption_key.text()} +
                              "\nHMAC_KEY_BASE64: " + std::string{keys->hmac_key.text()} + "\n");
}
