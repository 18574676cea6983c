// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/base64.hpp"
#include "support/result.hpp"

#include <fwknop/packet_steps.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace fwknop;
using fwknop::test::error_of;
using bytes = std::vector<std::uint8_t>;

namespace {

hmac_key some_hmac() {
    return hmac_key::make(digest_type::sha256, secret_bytes::from_text("def")).value();
}

composed_packet compose() {
    message fields;
    fields.user = "alice";
    fields.time = 1795303874;
    fields.version = protocol_version;
    fields.text = "192.0.2.7,tcp/22";
    return compose_packet(fields, digest_type::sha256, "0123456789012345").value();
}

// What GnuPG would write for a curve 25519 key.
bytes curve_message() {
    bytes out{0x84, 0x5e, 3};
    out.insert(out.end(), 93, 0x11);
    out.insert(out.end(), {0xd2, 0xc0, 0x20});
    out.insert(out.end(), 224, 0x22);
    return out;
}

bytes framed_message() {
    bytes out = curve_message();
    out[0] = 0x85;
    out.insert(out.begin() + 1, 0);
    return out;
}

// A sender of the 2.6 line: the HMAC is over the whole text, whose first two characters are cut.
std::string cut_blindly(const bytes& message, const hmac_key* hmac) {
    const std::string text = crypto::base64_encode(message);
    return text.substr(2) + (hmac == nullptr ? "" : hmac->sign("", text).value());
}

} // namespace

TEST_CASE("a composed packet is fields, colon, digest") {
    const auto composed = compose();
    CHECK(composed.encoded == "0123456789012345:YWxpY2U:1795303874:3.0.0:1:"
                              "MTkyLjAuMi43LHRjcC8yMg");
    CHECK(composed.plain() == composed.encoded + ':' + composed.digest_text);
    CHECK(composed.digest_text.size() == 43);
    CHECK(error_of(compose_packet(composed.message, digest_type::md5, "123")) ==
          errc::random_value_malformed);
}

TEST_CASE("a GPG packet goes out with hQ cut off, and comes back in") {
    const auto hmac = some_hmac();
    for (const hmac_key* key : {static_cast<const hmac_key*>(nullptr), &hmac}) {
        const auto sealed = finish_packet(compose(), cipher_kind::gpg, curve_message(), key);
        REQUIRE(sealed);
        const auto whole = crypto::base64_encode(framed_message());
        CHECK(sealed->contents.ciphertext == whole.substr(2));
        CHECK(sealed->payload == whole.substr(2) + sealed->contents.hmac_text);
        if (key != nullptr) CHECK(sealed->contents.hmac_text == key->sign("", whole).value());

        const auto examined = examine_payload(sealed->payload);
        REQUIRE(examined);
        const auto envelope = open_gpg_envelope(*examined, key);
        REQUIRE(envelope);
        CHECK(envelope->messages == std::vector<bytes>{framed_message()});

        const auto opened =
            read_plaintext(compose().plain(), cipher_kind::gpg, envelope->text).value();
        CHECK(opened.message.text == "192.0.2.7,tcp/22");
        CHECK(opened.hmac_text == sealed->contents.hmac_text);
        CHECK(opened.ciphertext == sealed->contents.ciphertext);
    }
}

TEST_CASE("armored text and what is too long are not sent") {
    const std::string armor = "-----BEGIN PGP MESSAGE-----";
    CHECK(error_of(finish_packet(compose(), cipher_kind::gpg, bytes{armor.begin(), armor.end()},
                                 nullptr)) == errc::gpg_message_malformed);
    bytes large = curve_message();
    large.resize(1124); // with the byte that framing adds: 1500 characters, 1498 without `hQ`
    CHECK(error_of(finish_packet(compose(), cipher_kind::gpg, large, nullptr)) == errc{});
    large.resize(1126);
    CHECK(error_of(finish_packet(compose(), cipher_kind::gpg, large, nullptr)) ==
          errc::payload_too_long);
}

TEST_CASE("messages that lost another prefix are told by their form and their HMAC") {
    const auto hmac = some_hmac();
    const std::string payload = cut_blindly(curve_message(), &hmac);
    const auto envelope = open_gpg_envelope(examine_payload(payload).value(), &hmac);
    REQUIRE(envelope);
    CHECK(envelope->messages == std::vector<bytes>{curve_message()});

    // Without an HMAC both readings are possible, the one by the book first.
    const std::string bare = cut_blindly(curve_message(), nullptr);
    const auto two = open_gpg_envelope(examine_payload(bare).value(), nullptr);
    REQUIRE(two);
    REQUIRE(two->messages.size() == 2);
    CHECK(two->messages[0][0] == 0x85);
    CHECK(two->messages[1] == curve_message());
}

TEST_CASE("a GPG packet with a wrong HMAC, or none, is not decoded") {
    const auto hmac = some_hmac();
    std::string payload =
        finish_packet(compose(), cipher_kind::gpg, curve_message(), &hmac).value().payload;
    payload.back() = payload.back() == 'A' ? 'B' : 'A';
    CHECK(error_of(open_gpg_envelope(examine_payload(payload).value(), &hmac)) ==
          errc::hmac_mismatch);
    const auto longest = hmac_key::make(digest_type::sha512, secret_bytes::from_text("x")).value();
    CHECK(error_of(open_gpg_envelope(examine_payload(std::string(140, 'A')).value(), &longest)) ==
          errc::hmac_mismatch);
    CHECK(error_of(open_gpg_envelope(examine_payload(std::string(143, 'A')).value(), nullptr)) ==
          errc::base64_malformed);
}

TEST_CASE("after GPG the first field has 16 characters or more") {
    const signed_text text{};
    const auto read = [&text](std::string_view plain) {
        return error_of(read_plaintext(plain, cipher_kind::gpg, text));
    };
    CHECK(read("") == errc::decryption_failed);
    CHECK(read("0123456789012345") == errc::decryption_failed);
    CHECK(read("012345678901234:rest") == errc::decryption_failed);
    CHECK(read("0123456789012345:rest") == errc::too_few_fields);
    CHECK(read("01234567890123456:rest") == errc::too_few_fields);
    CHECK(error_of(read_plaintext("01234567890123456:rest", cipher_kind::symmetric, text)) ==
          errc::decryption_failed);
    CHECK(read(compose().plain()) == errc{});
}
