// SPDX-License-Identifier: Apache-2.0
#include "support/result.hpp"

#include <fwknop/algorithm.hpp>

#include <catch2/catch.hpp>

#include <set>
#include <string>

using namespace fwknop;
using fwknop::test::error_of;

TEST_CASE("digests have the sizes of the wire format") {
    const std::size_t base64_sizes[] = {22, 27, 43, 64, 86, 43, 86};
    const std::size_t key_sizes[] = {16, 20, 64, 128, 128, 136, 72};
    for (const digest_type type : all_digest_types) {
        const auto index = static_cast<std::size_t>(type) - 1;
        CHECK(digest_base64_size(type) == base64_sizes[index]);
        CHECK(default_hmac_key_size(type) == key_sizes[index]);
        CHECK(parse_digest_type(name_of(type)) == type);
    }
    CHECK(parse_digest_type("sha3_256") == digest_type::sha3_256);
    CHECK(error_of(parse_digest_type("sha224")) == errc::digest_type_unknown);
    CHECK(error_of(parse_digest_type("")) == errc::digest_type_unknown);
}

TEST_CASE("encryption modes have their names") {
    for (unsigned number = 1; number <= 8; ++number) {
        const auto mode = static_cast<encryption_mode>(number);
        CHECK(parse_encryption_mode(name_of(mode)) == mode);
    }
    CHECK(parse_encryption_mode("cbc") == encryption_mode::cbc);
    CHECK(error_of(parse_encryption_mode("gcm")) == errc::encryption_mode_unknown);
}

TEST_CASE("every error has a sentence of its own") {
    std::set<std::string> sentences;
    for (int value = 1; value < static_cast<int>(errc::end_); ++value) {
        const std::string sentence = message_of(static_cast<errc>(value));
        CHECK(sentence != "unknown error");
        sentences.insert(sentence);
        CHECK(make_error_code(static_cast<errc>(value)).message() == sentence);
    }
    CHECK(sentences.size() == errc_count - 1);
}
