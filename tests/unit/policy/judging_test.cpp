// SPDX-License-Identifier: Apache-2.0
#include "access_fixture.hpp"
#include "core/policy/gatekeeper.hpp"
#include "daemon/gpg_knock.hpp"

#include <catch2/catch.hpp>

#include <optional>
#include <string>
#include <vector>

using namespace fwknop;
using namespace fwknop::test;

namespace {

const std::string gpg_only = "SOURCE ANY\n" + gpg_lines;
const std::string gpg_hmac = gpg_only + hmac_line;
const std::string symmetric = "SOURCE ANY\n" + our_keys;

/// A packet on its way, and a GnuPG that answers as it is told.
struct journey : access_fixture {
    gpg_knock knock = seal_gpg();
    std::string payload;
    std::optional<gatekeeper> gate;
    std::optional<judging> way;
    std::size_t questions = 0;

    void start(const std::string& text, const std::string& sealed) {
        parse(text);
        INFO(error());
        REQUIRE_FALSE(report.failed());
        payload = sealed;
        const auto examined = examine_payload(payload);
        REQUIRE(examined.has_value());
        gate.emplace(stanzas, server, true);
        way.emplace(gate->begin(*examined, {.source = at("192.0.2.7"),
                                            .destination = at("198.51.100.9"),
                                            .destination_port = 62201,
                                            .now = from_seconds(noon)}));
    }
    void start(const std::string& text) { start(text, knock.payload); }

    /// GnuPG decrypts whatever it is asked.
    verdict go(const std::vector<gpg_signature>& signatures) {
        for (questions = 0; way->needs_gpg() != nullptr; ++questions) {
            way->opened(knock.decrypted(), signatures);
        }
        return way->take();
    }
    /// GnuPG fails whatever it is asked.
    verdict go(errc why) {
        for (questions = 0; way->needs_gpg() != nullptr; ++questions) way->not_opened(why);
        return way->take();
    }
};

std::string story(const verdict& told) {
    std::string out;
    for (const auto& each : told.attempts) {
        out += (out.empty() ? "#" : ", #") + std::to_string(each.entry->number) + ' ';
        if (const auto* const error = std::get_if<errc>(&each.outcome)) {
            out += message_of(*error);
        } else if (const auto* const why = std::get_if<refused>(&each.outcome)) {
            out += name_of(why->reason);
        } else {
            out += "grant";
        }
    }
    return out;
}

} // namespace

TEST_CASE_METHOD(journey, "a stanza for GPG stops the way until GnuPG has answered") {
    start(gpg_hmac);
    REQUIRE(way->needs_gpg() != nullptr);
    CHECK(way->needs_gpg()->messages.size() == 1);
    CHECK(way->current().number == 1);
    const verdict told = go({good_signature()});
    CHECK(story(told) == "#1 grant");
    CHECK(told.by_gpg);
    CHECK(told.opened_by == &stanzas[0]);
    CHECK(told.attempts[0].signer == good_signature().fingerprint);
    REQUIRE(told.signature);
    CHECK(told.grant()->source == at("203.0.113.9"));
}

TEST_CASE_METHOD(journey, "without the right HMAC nobody asks GnuPG") {
    start(gpg_hmac, seal_gpg(access_message(), "another key").payload);
    REQUIRE(way->needs_gpg() == nullptr);
    CHECK(story(way->take()) == "#1 HMAC does not match");
    start(gpg_hmac, seal_gpg(access_message(), "").payload);
    REQUIRE(way->needs_gpg() == nullptr);
    CHECK(story(way->take()) == "#1 HMAC does not match");
}

TEST_CASE_METHOD(journey, "what cannot be a GPG message never reaches GnuPG") {
    start(gpg_only, std::string(500, 'A'));
    REQUIRE(way->needs_gpg() == nullptr);
    CHECK(story(way->take()) == "#1 decryption failed or wrong key");
    start(gpg_only, seal());
    CHECK(way->needs_gpg() == nullptr);
}

TEST_CASE_METHOD(journey, "stanzas are tried in the order of the file, on both sides of GnuPG") {
    start("SOURCE ANY\nKEY other\nHMAC_KEY otherhmac\n" + gpg_hmac + symmetric);
    const verdict told = go(errc::decryption_failed);
    CHECK(story(told) == "#1 decryption failed or wrong key, #2 decryption failed or wrong key, "
                         "#3 decryption failed or wrong key");
    CHECK_FALSE(told.authenticated());

    start(gpg_hmac + "OPEN_PORTS tcp/443\n" + gpg_hmac + gpg_hmac);
    CHECK(story(go({good_signature()})) == "#1 port_denied, #2 grant");
}

TEST_CASE_METHOD(journey, "a symmetric packet opens a stanza with both keys, without GnuPG") {
    start(symmetric + gpg_lines, seal());
    REQUIRE(way->needs_gpg() == nullptr);
    const verdict told = way->take();
    CHECK(story(told) == "#1 grant");
    CHECK_FALSE(told.by_gpg);
    // And the other kind of packet reaches the same stanza.
    start(symmetric + gpg_lines);
    CHECK(story(go({good_signature()})) == "#1 grant");
}

TEST_CASE_METHOD(journey, "an invalid allow address ends the packet after GnuPG, too") {
    knock = seal_gpg(access_message("::,tcp/22"));
    start(gpg_hmac + gpg_hmac);
    CHECK(story(go({good_signature()})) == "#1 allow_address_invalid");
}

TEST_CASE_METHOD(journey, "GnuPG is asked once for stanzas with the same keyring and pass phrase") {
    std::string text;
    for (int i = 0; i < 20; ++i) text += gpg_hmac + "OPEN_PORTS tcp/443\n";
    start(text + gpg_hmac);
    const verdict told = go({good_signature()});
    CHECK(questions == 1);
    CHECK(told.grant() != nullptr);
    CHECK(told.opened_by == &stanzas.back());

    start(gpg_hmac + gpg_hmac + "GPG_HOME_DIR /elsewhere\n" + gpg_hmac + "GPG_DECRYPT_PW x\n" +
          gpg_hmac + "GPG_EXE /usr/bin/gpg2\n");
    static_cast<void>(go(errc::gpg_failed));
    CHECK(questions == 4);
}

TEST_CASE_METHOD(journey, "a signature that will not do is refused by its reason") {
    struct row {
        const char* what;
        std::vector<gpg_signature> signatures;
        const char* story;
        const char* detail;
    };
    const auto with = [](signature_state state) {
        auto one = good_signature();
        one.state = state;
        return std::vector{one};
    };
    auto untrusted = good_signature();
    untrusted.validity = key_validity::unknown;
    const std::vector<row> rows{
        {"unsigned", {}, "#1 signature_missing", "Missing GPG signature"},
        {"expired key", with(signature_state::key_expired), "#1 signature_bad",
         "its key has expired"},
        {"revoked key", with(signature_state::key_revoked), "#1 signature_bad",
         "its key has been revoked"},
        {"unknown key", with(signature_state::key_missing), "#1 signature_bad",
         "its key is not in our keyring"},
        {"forged", with(signature_state::bad), "#1 signature_bad", "it does not match"},
        {"untrusted", {untrusted}, "#1 signature_untrusted", "GPG_IGNORE_SIG_VERIFY_ERROR"},
        {"somebody else",
         {good_signature("FF112233445566778899AABBCCDDEEFF0011223F")},
         "#1 wrong_signer",
         "0011223F"},
    };
    for (const row& each : rows) {
        INFO(each.what);
        start(gpg_hmac);
        const verdict told = go(each.signatures);
        CHECK(story(told) == each.story);
        CHECK_THAT(std::get<refused>(told.attempts.at(0).outcome).detail,
                   Catch::Contains(each.detail));
        CHECK(told.authenticated()); // by the HMAC
        CHECK(told.grant() == nullptr);
        // Anyone can encrypt to a public key.
        start(gpg_only, seal_gpg(access_message(), "").payload);
        const verdict stranger = go(each.signatures);
        CHECK(story(stranger) == each.story);
        CHECK_FALSE(stranger.authenticated());
    }
}

TEST_CASE_METHOD(journey, "without GPG_REQUIRE_SIG nobody need sign") {
    start("SOURCE ANY\nGPG_DECRYPT_ID x\nGPG_ALLOW_NO_PW Y\nGPG_DISABLE_SIG Y\n",
          seal_gpg(access_message(), "").payload);
    CHECK(story(go(std::vector<gpg_signature>{})) == "#1 grant");
}

TEST_CASE_METHOD(journey, "what GnuPG decrypted may still be no packet") {
    knock.plain = "something else";
    start(gpg_hmac + gpg_hmac);
    CHECK(story(go({good_signature()})) ==
          "#1 decryption failed or wrong key, #2 decryption failed or wrong key");
    CHECK(questions == 1);
}
