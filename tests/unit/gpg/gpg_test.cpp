// SPDX-License-Identifier: Apache-2.0
#include "gpg/decrypt.hpp"
#include "gpg/encrypt.hpp"
#include "gpg_home.hpp"
#include "support/outcome.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

using namespace fwknop;
using fwknop::test::gpg_home;
using gpg::failure_kind;
using gpg::pass_phrase;

namespace {

constexpr std::string_view plain = "1234567890123456:cm9vdA:1795322166:3.0.0:1:MC4w:digest";

pass_phrase given(std::string_view text) {
    return pass_phrase::given(secret_bytes::from_text(text));
}

// One home that has both sides, made once: making keys is what takes time.
struct shared {
    gpg_home home;
    std::string server = home.make_pair("server@test", "secret of the server");
    std::string signer = home.make_pair("signer@test", "secret of the signer");
    std::string open = home.make_pair("open@test");
};

shared& keys() {
    static shared made;
    return made;
}

gpg::outcome<std::vector<std::uint8_t>> seal(const std::string& recipient,
                                             const std::string& signer, const pass_phrase& phrase) {
    return gpg::encrypt(keys().home.engine(), {recipient, signer}, phrase, plain);
}

template <class T>
failure_kind kind_of(const gpg::outcome<T>& outcome) {
    REQUIRE_FALSE(outcome);
    INFO(outcome.error().text);
    CHECK(outcome.error().text.find("secret of") == std::string::npos);
    return outcome.error().kind;
}

template <class T>
T must(gpg::outcome<T> outcome) {
    REQUIRE(outcome);
    return std::move(*outcome);
}

std::vector<std::uint8_t> bytes(std::string_view text) {
    return {text.begin(), text.end()};
}

} // namespace

TEST_CASE("what is encrypted and signed comes back, with its signer") {
    const auto sealed = seal("server@test", "signer@test", given("secret of the signer"));
    REQUIRE(sealed);
    const auto opened = gpg::decrypt(keys().home.engine(), given("secret of the server"), *sealed);
    REQUIRE(opened);
    CHECK(opened->plain.text() == plain);
    REQUIRE(opened->signatures.size() == 1);
    const auto& signature = opened->signatures[0];
    CHECK(signature.fingerprint == keys().signer);
    CHECK(signature.primary_fingerprint == keys().signer);
    CHECK(signature.short_id() == keys().signer.substr(32));
    CHECK(signature.state == signature_state::good);
    CHECK(signature.validity == key_validity::full); // as GPGME has it for our own keys
    CHECK(signature.summary == 3);
    CHECK(signature.status == 0);
}

TEST_CASE("without a signer there is no signature") {
    const auto sealed = seal("open@test", "", pass_phrase::none());
    REQUIRE(sealed);
    const auto opened = gpg::decrypt(keys().home.engine(), pass_phrase::none(), *sealed);
    REQUIRE(opened);
    CHECK(opened->plain.text() == plain);
    CHECK(opened->signatures.empty());
}

TEST_CASE("a subkey signs for its primary key") {
    const gpg_home home;
    const auto primary = home.make_pair("many@test");
    const auto subkey = home.add_part(primary, "ed25519", "sign");
    REQUIRE(subkey != primary);
    const auto sealed =
        gpg::encrypt(home.engine(), {"many@test", subkey + "!"}, pass_phrase::none(), plain);
    REQUIRE(sealed);
    const auto opened = gpg::decrypt(home.engine(), pass_phrase::none(), *sealed);
    REQUIRE(opened);
    REQUIRE(opened->signatures.size() == 1);
    CHECK(opened->signatures[0].fingerprint == subkey);
    CHECK(opened->signatures[0].primary_fingerprint == primary);
}

TEST_CASE("a signature says whether its key is trusted, expired or unknown") {
    const gpg_home server;
    server.make_pair("server@test");
    const gpg_home client;
    const auto signer = client.make_pair("signer@test");
    server.give_public("server@test", client);
    const auto seal_there = [&client] {
        return must(gpg::encrypt(client.engine(), {"server@test", "signer@test"},
                                 pass_phrase::none(), plain));
    };
    const auto signature_there = [&server](const std::vector<std::uint8_t>& message) {
        auto opened = must(gpg::decrypt(server.engine(), pass_phrase::none(), message));
        REQUIRE(opened.signatures.size() == 1);
        return opened.signatures[0];
    };
    const auto message = seal_there();

    CHECK(signature_there(message).state == signature_state::key_missing);
    CHECK(signature_there(message).primary_fingerprint.empty());

    client.give_public("signer@test", server);
    CHECK(signature_there(message).state == signature_state::good);
    CHECK(signature_there(message).validity == key_validity::unknown);
    CHECK(signature_there(message).fingerprint == signer);

    server.gpg("--quick-lsign-key " + signer);
    CHECK(signature_there(message).validity == key_validity::full);

    client.gpg("--quick-set-expire " + signer + " seconds=2");
    client.give_public("signer@test", server);
    const auto in_time = seal_there();
    // gpg takes the time it is told to be.
    server.configure("gpg.conf", "faked-system-time 20991231T000000");
    CHECK(signature_there(in_time).state == signature_state::key_expired);
}

TEST_CASE("a key that nobody can use is not used") {
    const gpg_home home;
    const auto signs_only = home.make_key("signs@test", "ed25519");
    const auto twice = home.make_pair("twice@test");
    home.gpg("--passphrase '' --quick-generate-key 'Other <other@twice@test>' ed25519 sign never");
    const auto encrypt_to = [&home](const std::string& name) {
        return gpg::encrypt(home.engine(), {name, ""}, pass_phrase::none(), plain);
    };
    CHECK(kind_of(encrypt_to("signs@test")) == failure_kind::key_unusable);
    CHECK(encrypt_to(twice));
    CHECK(encrypt_to("twice@test")); // the other one cannot encrypt
    home.make_pair("more@twice@test");
    CHECK(kind_of(encrypt_to("twice@test")) == failure_kind::key_ambiguous);
    CHECK(kind_of(encrypt_to("nobody@test")) == failure_kind::key_missing);
    CHECK(kind_of(encrypt_to("")) == failure_kind::key_missing);

    home.gpg("--quick-set-expire " + signs_only + " seconds=1");
    home.configure("gpg.conf", "faked-system-time 20991231T000000");
    CHECK(kind_of(gpg::encrypt(home.engine(), {twice, "signs@test"}, pass_phrase::none(), plain)) ==
          failure_kind::key_unusable);
}

TEST_CASE("a signer whose secret key is elsewhere is missing") {
    const gpg_home other;
    other.make_pair("abroad@test");
    other.give_public("abroad@test", keys().home);
    CHECK(kind_of(seal("open@test", "abroad@test", pass_phrase::none())) ==
          failure_kind::key_missing);
    CHECK(kind_of(seal("open@test", "nobody@test", pass_phrase::none())) ==
          failure_kind::key_missing);
}

TEST_CASE("the pass phrase is the right one or there is no message") {
    CHECK(kind_of(seal("open@test", "signer@test", given("wrong"))) == failure_kind::pass_phrase);
    CHECK(kind_of(seal("open@test", "signer@test", given(""))) == failure_kind::pass_phrase);
    CHECK(kind_of(seal("open@test", "signer@test", given("two\nlines"))) ==
          failure_kind::pass_phrase);
    CHECK(kind_of(seal("open@test", "signer@test", pass_phrase::none())) ==
          failure_kind::pass_phrase);
    const auto sealed = seal("server@test", "", pass_phrase::none());
    REQUIRE(sealed);
    CHECK(kind_of(gpg::decrypt(keys().home.engine(), given("wrong"), *sealed)) ==
          failure_kind::pass_phrase);
    CHECK(gpg::decrypt(keys().home.engine(), given("secret of the server"), *sealed));
}

TEST_CASE("what is not for us, or damaged, is not opened") {
    const gpg_home stranger;
    const auto sealed = seal("server@test", "", pass_phrase::none());
    REQUIRE(sealed);
    CHECK(kind_of(gpg::decrypt(stranger.engine(), pass_phrase::none(), *sealed)) ==
          failure_kind::secret_key);
    const auto open = [](const std::vector<std::uint8_t>& message) {
        return gpg::decrypt(keys().home.engine(), given("secret of the server"), message);
    };
    CHECK(kind_of(open({})) == failure_kind::message);
    CHECK(kind_of(open(bytes("no message at all"))) == failure_kind::message);
    auto damaged = *sealed;
    damaged.back() ^= 1U;
    CHECK(kind_of(open(damaged)) == failure_kind::message);
    const std::vector<std::uint8_t> half{sealed->begin(), sealed->end() - 40};
    CHECK(kind_of(open(half)) == failure_kind::message);
}

TEST_CASE("a message that unpacks to more than a packet is given up") {
    const auto sealed_of = [](std::size_t size) {
        return must(gpg::encrypt(keys().home.engine(), {"open@test", ""}, pass_phrase::none(),
                                 std::string(size, 'A')));
    };
    const auto fits =
        gpg::decrypt(keys().home.engine(), pass_phrase::none(), sealed_of(gpg::max_plain_size));
    REQUIRE(fits);
    CHECK(fits->plain.size() == gpg::max_plain_size);
    for (const std::size_t size : {gpg::max_plain_size + 1, std::size_t{4'000'000}}) {
        const auto large = sealed_of(size);
        CHECK(large.size() < 8192); // it is compressed
        CHECK(kind_of(gpg::decrypt(keys().home.engine(), pass_phrase::none(), large)) ==
              failure_kind::message);
    }
}

TEST_CASE("a missing gpg, home or agent is told from the rest") {
    const auto& home = keys().home;
    const auto with = [](const gpg::engine& engine) {
        return gpg::encrypt(engine, {"open@test", "open@test"}, pass_phrase::none(), plain);
    };
    CHECK(kind_of(with({"/nonexistent/gpg", home.path()})) == failure_kind::program);
    CHECK(kind_of(with({home.path(), home.path()})) == failure_kind::program);
    CHECK(kind_of(with({"/usr/bin/test", home.path()})) == failure_kind::program);
    CHECK(kind_of(with({"/usr/bin/gpg", home.path() + "/none"})) == failure_kind::home);
    CHECK(kind_of(with({"/usr/bin/gpg", home.path() + "/gpg-agent.conf"})) == failure_kind::home);

    const gpg_home alone;
    alone.make_pair("open@test");
    alone.stop_agent();
    alone.configure("gpg.conf", "no-autostart");
    CHECK(kind_of(with(alone.engine())) == failure_kind::agent);
}

TEST_CASE("the built-in program and home are said") {
    const auto resolved = gpg::engine{}.resolved();
    CHECK(std::filesystem::exists(resolved.program));
    CHECK_FALSE(resolved.home.empty());
    CHECK(gpg::engine{"a", "b"}.resolved().home == "b");
}
