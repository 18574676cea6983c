// SPDX-License-Identifier: Apache-2.0
#include "checked_string.hpp"
#include "client/sealer.hpp"
#include "gpg/gpg_home.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace fwknop;
using namespace fwknop::client;
using fwknop::test::gpg_home;

namespace {

/// One home with both sides' keys, made once.
struct keyring {
    gpg_home home;
    std::string curve = home.make_pair("curve@test");
    std::string locked = home.make_pair("locked@test", "secret phrase");
    std::string large = home.make_key("large@test", "rsa4096");
};

keyring& keys_there() {
    static keyring made;
    return made;
}

message request() {
    message fields;
    fields.user = "alice";
    fields.time = 1'700'000'000;
    fields.version = protocol_version;
    fields.text = "192.0.2.7,tcp/22";
    return fields;
}

settings with_gpg(const std::string& recipient, const std::string& signer) {
    settings from;
    from.use_gpg = true;
    from.gpg_home_dir = keys_there().home.path();
    from.gpg_recipient = recipient;
    from.gpg_signer = signer;
    return from;
}

keys hmac_keys() {
    keys got;
    got.hmac = secret_bytes::from_text("def");
    return got;
}

std::string problem_of(const settings& from, keys got) {
    const auto cipher = sealer::make(from, std::move(got));
    REQUIRE(cipher);
    const auto sealed = cipher->seal(request());
    REQUIRE_FALSE(sealed);
    return sealed.error().text;
}

} // namespace

TEST_CASE("a GPG packet is sealed, opened again and described") {
    const auto from = with_gpg("curve@test", "curve@test");
    const auto cipher = sealer::make(from, hmac_keys());
    REQUIRE(cipher);
    const auto sealed = cipher->seal(request());
    REQUIRE(sealed);
    CHECK(sealed->contents.message.random_value.size() == 16);
    CHECK(sealed->contents.hmac_text.size() == 43);
    CHECK(cipher->warnings(*sealed).empty());
    const auto text = cipher->describe(*sealed);
    CHECK(text.find("Encryption Mode: 7 (Asymmetric)\n     GPG signer: curve@test\n") !=
          std::string::npos);
    CHECK(text.find("GPG sig status: -1\n") != std::string::npos);

    const auto opened = cipher->open(*sealed);
    REQUIRE(opened);
    CHECK(opened->contents.message.text == "192.0.2.7,tcp/22");
    CHECK(opened->contents.message.random_value == sealed->contents.message.random_value);
    REQUIRE(opened->gpg);
    CHECK(opened->gpg->fingerprint == keys_there().curve);
    CHECK(cipher->describe(*opened).find("     GPG signer: <NULL>\n") != std::string::npos);
}

TEST_CASE("no two GPG packets are alike") {
    const auto from = with_gpg("curve@test", "curve@test");
    const auto cipher = sealer::make(from, hmac_keys());
    REQUIRE(cipher);
    const auto first = cipher->seal(request());
    const auto second = cipher->seal(request());
    REQUIRE(first);
    REQUIRE(second);
    CHECK(first->payload != second->payload);
    CHECK(first->contents.message.random_value != second->contents.message.random_value);
}

TEST_CASE("an unsigned packet is warned about, and its test fails") {
    const auto from = with_gpg("curve@test", "");
    const auto cipher = sealer::make(from, {});
    REQUIRE(cipher);
    const auto sealed = cipher->seal(request());
    REQUIRE(sealed);
    const auto warnings = cipher->warnings(*sealed);
    CHECK(warnings.find("not signed") != std::string::npos);
    CHECK(warnings.find("fewer than 400") != std::string::npos);
    CHECK(cipher->open(*sealed).error().text.find("Missing GPG signature") != std::string::npos);
}

TEST_CASE("a packet that would be longer than any packet says so") {
    // Both parts are too large: more than a kilobyte before base64.
    auto fields = request();
    fields.text = "192.0.2.7,tcp/1";
    for (int port = 10000; fields.text.size() < 180; ++port)
        fields.text += ",tcp/" + std::to_string(port);
    keys_there().home.add_part(keys_there().large, "rsa4096", "encrypt");
    const auto from = with_gpg("large@test", "large@test");
    const auto cipher = sealer::make(from, hmac_keys());
    REQUIRE(cipher);
    const auto sealed = cipher->seal(fields);
    REQUIRE_FALSE(sealed);
    CHECK(sealed.error().text.find("a packet can have 1499") != std::string::npos);
}

TEST_CASE("what GPG cannot do is a problem without the pass phrase in it") {
    keys wrong;
    wrong.phrase = gpg::pass_phrase::given(secret_bytes::from_text("secret but wrong"));
    const auto text = problem_of(with_gpg("curve@test", "locked@test"), std::move(wrong));
    CHECK(text == "fwknop: GPG: cannot encrypt and sign: the pass phrase is wrong");
    CHECK(problem_of(with_gpg("none@test", "curve@test"), {})
              .find("The key for the given recipient was not found: 'none@test'") !=
          std::string::npos);
    auto armored = with_gpg("curve@test", "");
    gpg_home other;
    other.make_pair("curve@test");
    other.configure("gpg.conf", "armor");
    armored.gpg_home_dir = other.path();
    CHECK(problem_of(armored, {}).find("gpg.conf must not hold 'armor'") != std::string::npos);
}

TEST_CASE("the test of a packet for a stranger tells what is missing") {
    gpg_home stranger;
    stranger.make_pair("stranger@test");
    stranger.give_public("stranger@test", keys_there().home);
    const auto from = with_gpg("stranger@test", "curve@test");
    const auto cipher = sealer::make(from, hmac_keys());
    REQUIRE(cipher);
    const auto sealed = cipher->seal(request());
    REQUIRE(sealed);
    CHECK(cipher->open(*sealed).error().text.find("No access to recipient private key?") !=
          std::string::npos);
}

TEST_CASE("without GPG the sealer is what it was") {
    settings from;
    keys got = hmac_keys();
    got.encryption = secret_bytes::from_text("abc");
    const auto cipher = sealer::make(from, std::move(got));
    REQUIRE(cipher);
    auto sealed = cipher->seal(request());
    REQUIRE(sealed);
    CHECK(cipher->warnings(*sealed).empty());
    CHECK(cipher->open(*sealed)->contents.message.user == "alice");
    CHECK(cipher->describe(*sealed).find("GPG") == std::string::npos);
    sealed->payload.resize(400, 'A');
    CHECK(cipher->warnings(*sealed).find("Ask for fewer ports") != std::string::npos);
    CHECK_FALSE(cipher->open(*sealed));
}
