// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/base64.hpp"
#include "core/crypto/digest.hpp"
#include "support/result.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace fwknop;
using namespace fwknop::crypto;

TEST_CASE("digests of abc are those of the standards") {
    const std::pair<digest_type, const char*> rows[] = {
        {digest_type::md5, "kAFQmDzST7DWlj99KOF/cg"},
        {digest_type::sha1, "qZk+NkcGgWq6PiVxeFDCbJzQ2J0"},
        {digest_type::sha256, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0"},
        {digest_type::sha384, "ywB1P0WjXou1oD1pmsZQBycsMqsO3tFjGotgWkP/W+2AhgcroefMI1i67KE0yCWn"},
        {digest_type::sha512,
         "3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw"},
        {digest_type::sha3_256, "Ophdp0/iJbIEXBcta9OQvYVfCG4+nVJbRr/iRRFDFTI"},
        {digest_type::sha3_512,
         "t1GFCxpXFopWk82SS2sJbgj2IYJ0RPcNiE9dAkDScS4Q4RbpGSrzyRp+xXZH45NAVzQLTPQI1aVlkvgnTuxT8A"},
    };
    for (const auto& [type, text] : rows) {
        const auto digest = compute_digest(type, "abc");
        REQUIRE(digest);
        CHECK(digest->size == digest_size(type));
        CHECK(base64_encode(digest->bytes()) == text);
    }
}

TEST_CASE("constant-time equality") {
    CHECK(equal_constant_time("abc", "abc"));
    CHECK_FALSE(equal_constant_time("abc", "abd"));
    CHECK_FALSE(equal_constant_time("abc", "ab"));
    CHECK(equal_constant_time("", ""));
}

TEST_CASE("constant-time equality sees every byte, at every length") {
    for (std::size_t size = 1; size <= 200; ++size) {
        const std::string text(size, 'x');
        REQUIRE(equal_constant_time(text, std::string(size, 'x')));
        for (std::size_t at = 0; at < size; ++at) {
            std::string other = text;
            other[at] = 'y';
            REQUIRE_FALSE(equal_constant_time(text, other));
        }
    }
}
