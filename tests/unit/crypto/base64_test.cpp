// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/base64.hpp"
#include "support/result.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <string>

using namespace fwknop;
using namespace fwknop::crypto;
using fwknop::test::error_of;

TEST_CASE("base64 goes both ways without padding") {
    const std::pair<std::string, std::string> rows[] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff", "+/8"}};
    for (const auto& [bytes, text] : rows) {
        CAPTURE(text);
        CHECK(base64_encode(bytes) == text);
        CHECK(base64_decode(text) == bytes);
        CHECK(base64_decode_secret(text)->text() == bytes);
        CHECK(base64_decoded_size(text.size()) == bytes.size());
    }
}

TEST_CASE("reading stops at the first padding character and ignores left-over bits") {
    CHECK(base64_decode("Zg==") == "f");
    CHECK(base64_decode("Zg=garbage!") == "f");
    CHECK(base64_decode("Zh") == "f");
    CHECK(base64_decode("Zm9vY") == "foo");
}

TEST_CASE("strict decoding takes one spelling only") {
    std::array<std::uint8_t, 8> room{};
    const auto decode = [&room](std::string_view text, std::size_t size) -> result<std::string> {
        const auto bytes = base64_decode_strict(text, std::span{room}.first(size));
        if (!bytes) return bytes.error();
        return std::string{bytes->begin(), bytes->end()};
    };
    for (const std::string bytes : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
        CAPTURE(bytes);
        CHECK(decode(base64_encode(bytes), 8) == bytes);
        CHECK(decode(base64_encode(bytes), bytes.size()) == bytes);
        if (!bytes.empty()) {
            CHECK(error_of(decode(base64_encode(bytes), bytes.size() - 1)) ==
                  errc::base64_malformed);
        }
    }
    for (const auto* text : {"Zh", "Zm9", "Zg==", "Z", "Zm9vY", "Zm9v=", "Zm9!", "!m9v"}) {
        CAPTURE(text);
        CHECK(error_of(decode(text, 8)) == errc::base64_malformed);
    }
}

TEST_CASE("other characters are refused") {
    for (const auto* text : {"Zm9v!", "Zm 9v", "Zm9v\n", "-_", "\xff"}) {
        CAPTURE(text);
        CHECK(error_of(base64_decode(text)) == errc::base64_malformed);
        CHECK(error_of(base64_decode_secret(text)) == errc::base64_malformed);
    }
}

TEST_CASE("keys are written with padding") {
    CHECK(base64_encode_secret(secret_bytes::from_text("f")).text() == "Zg==");
    CHECK(base64_encode_secret(secret_bytes::from_text("foo")).text() == "Zm9v");
    CHECK(base64_encode_secret(secret_bytes{}).empty());
}
