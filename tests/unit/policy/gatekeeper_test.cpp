// SPDX-License-Identifier: Apache-2.0
#include "access_fixture.hpp"
#include "core/policy/gatekeeper.hpp"
#include "daemon/knock.hpp"

#include <catch2/catch.hpp>

#include <optional>
#include <string>
#include <vector>

using namespace fwknop;
using namespace fwknop::test;

namespace {

/// Stanzas made from text, and a gatekeeper in front of them.
struct gate : access_fixture {
    bool check_age = true;
    std::int64_t now = noon;
    std::string payload;

    void stanzas_are(const std::string& text) {
        parse(text);
        INFO(error());
        REQUIRE_FALSE(report.failed());
    }
    verdict judge(const std::string& sealed, std::string_view source = "192.0.2.7",
                  std::string_view destination = "198.51.100.9",
                  const std::optional<ip_address>& forwarded_for = std::nullopt) {
        payload = sealed;
        const auto examined = examine_payload(payload);
        REQUIRE(examined.has_value());
        auto way = gatekeeper{stanzas, server, check_age}.begin(*examined,
                                                                {.source = at(source),
                                                                 .destination = at(destination),
                                                                 .destination_port = 62201,
                                                                 .now = from_seconds(now),
                                                                 .forwarded_for = forwarded_for});
        REQUIRE(way.needs_gpg() == nullptr);
        return way.take();
    }
};

const std::string ours = "SOURCE ANY\n" + our_keys;
const std::string others = "SOURCE ANY\nKEY otherkey\nHMAC_KEY otherhmac\n";

/// The attempts as one line: `#<stanza> <outcome>` each.
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

TEST_CASE_METHOD(gate, "the first stanza that authenticates and allows takes the packet") {
    stanzas_are(others + ours + ours);
    const verdict told = judge(seal());
    CHECK(story(told) == "#1 HMAC does not match, #2 grant");
    CHECK(told.authenticated());
    CHECK(told.opened_by == &stanzas[1]);
    REQUIRE(told.grant() != nullptr);
    CHECK(told.grant()->source == at("203.0.113.9"));
    CHECK(told.grant()->services == std::vector<service>{{protocol::tcp, 22}});
    CHECK(told.packet->message.user == "alice");
}

TEST_CASE_METHOD(gate, "nobody's packet is no grant") {
    stanzas_are(others + others);
    const verdict told = judge(seal());
    CHECK(story(told) == "#1 HMAC does not match, #2 HMAC does not match");
    CHECK_FALSE(told.authenticated());
    CHECK(told.opened_by == nullptr);
    CHECK(told.grant() == nullptr);
}

TEST_CASE_METHOD(gate, "a refused packet goes on to the next stanza") {
    stanzas_are(ours + "OPEN_PORTS tcp/443\n" + others + ours + "OPEN_PORTS tcp/22\n" + ours);
    const verdict told = judge(seal());
    CHECK(story(told) == "#1 port_denied, #2 HMAC does not match, #3 grant");
    CHECK(told.opened_by == &stanzas[2]);
}

TEST_CASE_METHOD(gate, "refused everywhere it is authenticated all the same") {
    stanzas_are(ours + "OPEN_PORTS tcp/443\n" + ours + "REQUIRE_USERNAME bob\n" + others);
    const verdict told = judge(seal());
    CHECK(story(told) == "#1 port_denied, #2 user_mismatch, #3 HMAC does not match");
    CHECK(told.authenticated());
    CHECK(told.opened_by == &stanzas[1]);
    CHECK(told.grant() == nullptr);
}

TEST_CASE_METHOD(gate, "an invalid allow address ends the packet at once") {
    stanzas_are(ours + ours);
    // Over IPv4 there is no IPv6 source to stand in for `::`.
    const std::string sealed = seal(access_message("::,tcp/22"));
    const verdict told = judge(sealed);
    CHECK(story(told) == "#1 allow_address_invalid");
    CHECK(told.authenticated());
    CHECK(told.grant() == nullptr);
    CHECK(story(judge(sealed, "2001:db8::7")) == "#1 grant");
}

TEST_CASE_METHOD(gate, "an expired stanza is not even tried") {
    stanzas_are(ours + "ACCESS_EXPIRE_EPOCH " + std::to_string(noon) + "\n" + ours);
    const std::string sealed = seal();
    CHECK(story(judge(sealed)) == "#1 stanza_expired, #2 grant");
    now = noon - 1;
    CHECK(story(judge(sealed)) == "#1 grant");

    stanzas_are(ours + "ACCESS_EXPIRE_EPOCH " + std::to_string(noon) + "\n");
    now = noon;
    const verdict told = judge(sealed);
    CHECK(story(told) == "#1 stanza_expired");
    CHECK_FALSE(told.authenticated());
    CHECK(told.grant() == nullptr);
}

TEST_CASE_METHOD(gate, "stanzas for other addresses are no business of a packet") {
    stanzas_are("SOURCE 10.0.0.0/8\n" + our_keys +
                "SOURCE 192.0.2.0/24\nDESTINATION 198.51.100.1\n" + our_keys);
    const std::string sealed = seal();
    CHECK(story(judge(sealed)) == "");
    CHECK(story(judge(sealed, "10.1.2.3")) == "#1 grant");
    CHECK(story(judge(sealed, "192.0.2.7", "198.51.100.1")) == "#2 grant");
    CHECK(story(judge(sealed, "203.0.113.1", "198.51.100.1")) == "");
}

TEST_CASE_METHOD(gate, "a packet is expected from where a stanza's SOURCE is") {
    stanzas_are("SOURCE 10.0.0.0/8, 192.0.2.7\n" + our_keys + "SOURCE 2001:db8::/32\n" + our_keys);
    const gatekeeper keeper{stanzas, server, true};
    CHECK(keeper.expects(at("10.255.0.1")));
    CHECK(keeper.expects(at("192.0.2.7")));
    CHECK(keeper.expects(at("2001:db8::1")));
    CHECK_FALSE(keeper.expects(at("192.0.2.8")));
    CHECK_FALSE(keeper.expects(at("2001:db9::1")));
    stanzas.clear();
    CHECK_FALSE(keeper.expects(at("10.255.0.1")));
}

TEST_CASE_METHOD(gate, "a stranger's packet leaves a bounded trace, however many stanzas") {
    constexpr std::size_t count = 5000;
    std::string text;
    for (std::size_t i = 1; i < count; ++i) {
        const std::string number = std::to_string(i);
        text += "SOURCE ANY\nKEY other";
        text.append(number).append("\nHMAC_KEY hmac").append(number).append("\n");
    }
    stanzas_are(text + ours);
    REQUIRE(stanzas.size() == count);

    const verdict strange = judge(seal(access_message(), "nobody", "stranger"));
    CHECK(strange.attempts.size() == gatekeeper::max_recorded_failures);
    CHECK(strange.attempts.back().entry == &stanzas[gatekeeper::max_recorded_failures - 1]);
    CHECK(strange.grant() == nullptr);

    // The limit is on the trace, not on the search.
    const verdict told = judge(seal());
    CHECK(told.attempts.size() == gatekeeper::max_recorded_failures + 1);
    CHECK(told.opened_by == &stanzas.back());
    CHECK(told.grant() != nullptr);
}

TEST_CASE_METHOD(gate, "expired stanzas count towards the trace, too") {
    std::string text;
    for (int i = 0; i < 20; ++i) text += ours + "ACCESS_EXPIRE_EPOCH 1\n";
    stanzas_are(text);
    CHECK(judge(seal()).attempts.size() == gatekeeper::max_recorded_failures);
}

TEST_CASE_METHOD(gate, "refusals of a key's holder are all kept") {
    std::string text;
    for (std::size_t i = 0; i < 2 * gatekeeper::max_recorded_failures; ++i) {
        text += ours + "OPEN_PORTS tcp/443\n";
    }
    stanzas_are(text);
    CHECK(judge(seal()).attempts.size() == 2 * gatekeeper::max_recorded_failures);
}

TEST_CASE_METHOD(gate, "age is checked where that is asked for") {
    stanzas_are(ours);
    const std::string sealed = seal();
    now = noon + 121;
    CHECK(story(judge(sealed)) == "#1 stale");
    now = noon - 121;
    CHECK(story(judge(sealed)) == "#1 stale");
    check_age = false;
    CHECK(story(judge(sealed)) == "#1 grant");
}

TEST_CASE_METHOD(gate, "without an HMAC key the inner digest is the proof") {
    stanzas_are("SOURCE ANY\nKEY otherkey\nSOURCE ANY\nKEY opensesame\n");
    const std::string bare = seal(access_message(), pass_phrase, "");
    const verdict told = judge(bare);
    REQUIRE(told.attempts.size() == 2);
    CHECK(std::holds_alternative<errc>(told.attempts.front().outcome));
    CHECK(told.opened_by == &stanzas[1]);
    CHECK(told.grant() != nullptr);
    // A stanza with an HMAC key does not do with less.
    stanzas_are(ours);
    CHECK(story(judge(bare)) == "#1 HMAC does not match");
}

TEST_CASE_METHOD(gate, "a stanza for GPG alone does not take symmetric packets") {
    stanzas_are("SOURCE ANY\nGPG_DECRYPT_ID ABCD1234\nGPG_ALLOW_NO_PW Y\nGPG_DISABLE_SIG Y\n" +
                ours);
    REQUIRE_FALSE(stanzas.front().encryption);
    CHECK(story(judge(seal())) == "#1 decryption failed or wrong key, #2 grant");
}

TEST_CASE_METHOD(gate, "the sender that a proxy names gets what the packet asks for its source") {
    struct row {
        std::string asked;
        std::string stanza;
        const char* expected; ///< whom it opens for; null: nobody
    };
    for (const row& each : {
             row{"0.0.0.0", ours, "192.0.2.99"},
             row{"203.0.113.9", ours, "203.0.113.9"},
             row{"0.0.0.0", ours + "REQUIRE_SOURCE_ADDRESS Y\n", nullptr},
             // Who may knock is asked of the address that the packet came from.
             row{"0.0.0.0", "SOURCE 192.0.2.7\n" + our_keys, "192.0.2.99"},
             row{"0.0.0.0", "SOURCE 192.0.2.99\n" + our_keys, nullptr},
             row{"::", ours, nullptr},
         }) {
        CAPTURE(each.asked, each.stanza);
        stanzas_are(each.stanza);
        const verdict told = judge(seal(access_message(each.asked + ",tcp/22")), "192.0.2.7",
                                   "198.51.100.9", at("192.0.2.99"));
        CHECK((told.grant() != nullptr) == (each.expected != nullptr));
        if (told.grant() != nullptr && each.expected != nullptr) {
            CHECK(told.grant()->source == at(each.expected));
        }
    }
    stanzas_are(ours);
    const verdict six = judge(seal(access_message("0.0.0.0,tcp/22")), "192.0.2.7", "198.51.100.9",
                              at("2001:db8::99"));
    REQUIRE(six.grant() != nullptr);
    CHECK(six.grant()->source == at("2001:db8::99"));
}
