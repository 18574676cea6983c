// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/openssl.hpp"
#include "support/result.hpp"

#include <fwknop/packet.hpp>

#include <catch2/catch.hpp>
#include <openssl/evp.h>

#include <array>
#include <string>
#include <string_view>

using namespace fwknop;
using fwknop::test::error_of;

namespace {

// What OpenSSL's own HMAC says.
std::string reference(digest_type type, std::string_view key, std::string_view text) {
    std::array<unsigned char, 64> tag{};
    std::size_t size = 0;
    REQUIRE(EVP_Q_mac(nullptr, "HMAC", nullptr, crypto::openssl_name(type), nullptr, key.data(),
                      key.size(), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                      tag.data(), tag.size(), &size) != nullptr);
    std::array<unsigned char, 89> spelled{};
    EVP_EncodeBlock(spelled.data(), tag.data(), static_cast<int>(size));
    const std::string out{reinterpret_cast<const char*>(spelled.data())};
    return out.substr(0, out.find('='));
}

} // namespace

TEST_CASE("an HMAC is OpenSSL's, for keys below, at and beyond a block and texts of any length") {
    const std::string text(3000, 'x');
    for (const digest_type type : all_digest_types) {
        for (const std::size_t key_size : {1U, 20U, 63U, 64U, 65U, 127U, 128U, 129U, 136U}) {
            std::string key;
            while (key.size() < key_size) key += static_cast<char>(key.size() * 37 + 1);
            const auto hmac = hmac_key::make(type, secret_bytes::from_text(key)).value();
            for (const std::size_t size :
                 {0U, 1U, 45U, 46U, 53U, 54U, 64U, 111U, 112U, 200U, 1490U, 1974U, 1975U, 3000U}) {
                CAPTURE(static_cast<int>(type), key_size, size);
                const std::string_view part = std::string_view{text}.substr(0, size);
                const std::string expected = reference(type, key, "U2FsdGVkX1" + std::string{part});
                CHECK(hmac.sign("U2FsdGVkX1", part).value() == expected);
                CHECK(error_of(hmac.verify("U2FsdGVkX1", part, expected)) == errc{});
                std::string wrong = expected;
                wrong.back() = wrong.back() == 'A' ? 'E' : 'A';
                CHECK(error_of(hmac.verify("U2FsdGVkX1", part, wrong)) == errc::hmac_mismatch);
            }
        }
    }
}
