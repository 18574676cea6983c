// SPDX-License-Identifier: Apache-2.0
#include "judgement.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace fwknop::test {
namespace {

TEST_CASE_METHOD(judgement, "a plain request is granted as asked") {
    request.text = "203.0.113.9,tcp/22,udp/53";
    const auto access = granted();
    CHECK(access.source == at("203.0.113.9"));
    CHECK_FALSE(access.destination);
    CHECK(access.services == std::vector<service>{{protocol::tcp, 22}, {protocol::udp, 53}});
    CHECK(access.timeout.count() == 30);
    CHECK(access.user == "alice");
}

TEST_CASE_METHOD(judgement, "age counts in both directions") {
    for (const auto offset : {-120, 0, 120}) {
        now = noon + offset;
        CHECK_NOTHROW(granted());
    }
    for (const auto offset : {-121, 121}) {
        now = noon + offset;
        CHECK(denied().reason == refusal::stale);
        CHECK_FALSE(denied().final);
        CHECK(text() == "[192.0.2.7] (stanza #3) SPA data time difference is too great (121 "
                        "seconds).");
        check_age = false;
        CHECK_NOTHROW(granted());
        check_age = true;
    }
    server.max_packet_age = 121;
    CHECK_NOTHROW(granted());
    request.time = 999'999'999'999;
    CHECK(denied().seconds == 999'999'999'999 - now);
}

TEST_CASE_METHOD(judgement, "an expired stanza grants nothing") {
    entry.expiry = from_seconds(noon);
    CHECK(denied().reason == refusal::stanza_expired);
    CHECK(text() == "[192.0.2.7] (stanza #3) Access stanza has expired");
    entry.expiry = from_seconds(noon + 1);
    CHECK_NOTHROW(granted());
}

TEST_CASE("unspecified addresses mean the source") {
    const auto [allow, from, expected] = GENERATE(table<std::string, std::string, std::string>({
        {"0.0.0.0", "192.0.2.7", "192.0.2.7"},
        {"0.0.0.0", "2001:db8::7", "2001:db8::7"},
        {"0.0.0.0", "::ffff:192.0.2.7", "192.0.2.7"},
        {"::", "2001:db8::7", "2001:db8::7"},
        {"::ffff:0.0.0.0", "192.0.2.7", "192.0.2.7"},
        {"::ffff:203.0.113.9", "192.0.2.7", "203.0.113.9"},
        {"2001:db8::9", "192.0.2.7", "2001:db8::9"},
    }));
    CAPTURE(allow, from);
    judgement it;
    it.request.text = allow + ",tcp/22";
    it.source = at(from);
    CHECK(it.granted().source == at(expected));
}

TEST_CASE_METHOD(judgement, "an invalid allow address ends the packet") {
    for (const auto* const message : {"::,tcp/22", "foo,tcp/22", "256.1.1.1,tcp/22"}) {
        CAPTURE(message);
        request.text = message;
        CHECK(denied().reason == refusal::allow_address_invalid);
        CHECK(denied().final);
        CHECK(text() == "[192.0.2.7] (stanza #3) Invalid source IP in SPA message, ignoring SPA "
                        "packet");
    }
    request.text = "::,tcp/22";
    source = at("::ffff:192.0.2.7");
    CHECK(denied().reason == refusal::allow_address_invalid);
}

TEST_CASE_METHOD(judgement, "a malformed message is for the next stanza") {
    request.text = "203.0.113.9,icmp/8";
    CHECK(denied().reason == refusal::message_malformed);
    CHECK_FALSE(denied().final);
    CHECK(text().starts_with("[192.0.2.7] (stanza #3) Error parsing SPA message string: "));
    CHECK_FALSE(denied().detail.empty());
}

TEST_CASE_METHOD(judgement, "a real address may be required") {
    entry.require_source_address = true;
    CHECK_NOTHROW(granted());
    for (const auto* const message : {"0.0.0.0,tcp/22", "::,tcp/22", "::ffff:0.0.0.0,tcp/22"}) {
        CAPTURE(message);
        request.text = message;
        for (const auto* const from : {"192.0.2.7", "2001:db8::7"}) {
            source = at(from);
            CHECK(denied().reason == refusal::source_address_required);
            CHECK_FALSE(denied().final);
        }
    }
    source = at("192.0.2.7");
    CHECK(text() == "[192.0.2.7] (stanza #3) Got 0.0.0.0 when valid source IP was required.");
}

TEST_CASE_METHOD(judgement, "the user may be required") {
    entry.require_username = "alice";
    CHECK_NOTHROW(granted());
    entry.require_username = "Alice";
    CHECK(denied().reason == refusal::user_mismatch);
    CHECK(text() == "[192.0.2.7] (stanza #3) Username in SPA data (alice) does not match required "
                    "username: Alice");
}

TEST_CASE_METHOD(judgement, "all ports must be open and none restricted") {
    const std::string words = "[192.0.2.7] (stanza #3) One or more requested protocol/ports was "
                              "denied per access.conf.";
    request.text = "203.0.113.9,tcp/22,tcp/80";
    entry.open_ports = *port_set::parse("tcp/22,tcp/80");
    CHECK_NOTHROW(granted());
    entry.open_ports = *port_set::parse("tcp/22,udp/80");
    CHECK(denied().reason == refusal::port_denied);
    CHECK(text() == words);
    entry.open_ports.reset();
    entry.restrict_ports = *port_set::parse("tcp/80");
    CHECK(text() == words);
    entry.restrict_ports = *port_set::parse("udp/80");
    CHECK_NOTHROW(granted());
    entry.open_ports = *port_set::parse("tcp/1-100");
    entry.restrict_ports = *port_set::parse("tcp/22");
    CHECK(text() == words);
}

TEST_CASE("the client's timeout is capped, the stanza's is not") {
    const auto [client, access, most, expected] = GENERATE(table<unsigned, int, int, int>({
        {0, 30, 300, 30},
        {0, 500, 300, 500},
        {0, 0, 0, 30},
        {1, 30, 300, 1},
        {300, 30, 300, 300},
        {301, 30, 300, 300},
        {65536, 30, 0, 300},
        {65536, 30, 8388608, 65536},
    }));
    CAPTURE(client, access, most);
    judgement it;
    it.request.type = message_type::access_timeout;
    it.request.client_timeout = client;
    it.entry.access_timeout = std::chrono::seconds{access};
    it.entry.max_timeout = std::chrono::seconds{most};
    CHECK(it.granted().timeout.count() == expected);
    it.request.type = message_type::access;
    CHECK(it.granted().timeout.count() == (access > 0 ? access : 30));
}

TEST_CASE_METHOD(judgement, "what is around the address is opened where the stanza says so") {
    entry.widen = {.v4_prefix = 24, .v6_prefix = 56};
    CHECK(granted().source.to_string() == "203.0.113.0/24");
    request.text = "0.0.0.0,tcp/22";
    CHECK(granted().source.to_string() == "192.0.2.0/24");
    request.text = "2001:db8::7,tcp/22";
    CHECK(granted().source.to_string() == "2001:db8::/56");
    entry.widen = {};
    CHECK(granted().source.is_host());
}

TEST_CASE_METHOD(judgement, "the destination is set where rules have it") {
    server.destination_rule = true;
    CHECK(granted().destination == at("198.51.100.1"));
    destination = at("::ffff:198.51.100.1");
    CHECK(granted().destination == at("198.51.100.1"));
}

TEST_CASE_METHOD(judgement, "a rule cannot have an address of each family") {
    destination = at("2001:db8::1");
    CHECK_FALSE(granted().destination);
    server.destination_rule = true;
    CHECK(denied().reason == refusal::allow_address_invalid);
}

TEST_CASE_METHOD(judgement, "NAT is refused") {
    request.nat_access = "10.0.0.5,22";
    for (const auto type :
         {message_type::nat_access, message_type::nat_access_timeout,
          message_type::local_nat_access, message_type::local_nat_access_timeout}) {
        request.type = type;
        CHECK(denied().reason == refusal::nat_not_allowed);
        CHECK(text() == "(stanza #3) SPA packet from 192.0.2.7 requested NAT access, but is not "
                        "enabled/supported");
    }
}

TEST_CASE_METHOD(judgement, "NAT that leads nowhere is refused by its reason") {
    server.ipt_forwarding = true;
    request.type = message_type::nat_access;
    const std::string head = "[192.0.2.7] (stanza #3) ";
    for (const auto& [target, words] : std::vector<std::pair<std::string, std::string>>{
             {"0.0.0.0,22", "The NAT target cannot be used: 0.0.0.0 is no host's address"},
             {"::ffff:0.0.0.0,22",
              "The NAT target cannot be used: ::ffff:0.0.0.0 is no host's address"},
             {"fd00::5,22", "The NAT target cannot be used: fd00::5 and 203.0.113.9 are not of one "
                            "address family"}}) {
        request.nat_access = target;
        CHECK(denied().reason == refusal::nat_target_unusable);
        CHECK_FALSE(denied().final);
        CHECK(text() == head + words);
    }
    request.nat_access = "10.0.0.5";
    CHECK(denied().reason == refusal::message_malformed);
    request.nat_access = "host.example,22";
    CHECK(granted().nat_host == "host.example");
    server.nat_dns = false;
    CHECK(text() == head + "Received Hostname in NAT SPA message, but hostname is disabled.");
    request.nat_access = "::ffff:10.0.0.5,22"; // what it is called does not matter
    CHECK(granted().nat->inside == nat_endpoint{at("10.0.0.5"), 22});
    entry.nat.force_nat = nat_endpoint{at("10.0.0.9"), 2222};
    request.nat_access = "host.example,22"; // nobody looks at it
    CHECK(granted().nat->inside.port == 2222);
}

TEST_CASE_METHOD(judgement, "commands are refused") {
    request.type = message_type::command;
    request.text = "203.0.113.9,/bin/true";
    CHECK(denied().reason == refusal::command_not_allowed);
    CHECK(text() == "[192.0.2.7] (stanza #3) SPA Command messages are not allowed in the current "
                    "configuration.");
    entry.require_source_address = true;
    request.text = "0.0.0.0,/bin/true";
    CHECK(denied().reason == refusal::source_address_required);
    request.text = "foo,/bin/true";
    CHECK(denied().reason == refusal::allow_address_invalid);
}

TEST_CASE_METHOD(judgement, "the first reason is the one given") {
    now = noon + 1000;
    entry.require_username = "bob";
    entry.require_source_address = true;
    entry.open_ports = port_set{};
    request.text = "0.0.0.0,tcp/22";
    CHECK(denied().reason == refusal::stale);
    now = noon;
    CHECK(denied().reason == refusal::source_address_required);
    entry.require_source_address = false;
    CHECK(denied().reason == refusal::user_mismatch);
    entry.require_username.reset();
    CHECK(denied().reason == refusal::port_denied);
}

TEST_CASE_METHOD(judgement, "sources are translated to an address of the family that asks") {
    server.ipt_forwarding = true;
    server.ipt_snat = true;
    request.type = message_type::nat_access;
    request.nat_access = "10.0.0.5,22";
    CHECK(granted().nat->translate_source == source_translation::masquerade);
    server.snat_translate_ip = "fd00::9"; // of no use to this packet
    CHECK(granted().nat->translate_source == source_translation::masquerade);
    server.snat_translate_ip = "203.0.113.5";
    CHECK(granted().nat->translate_source == source_translation::address);
    CHECK(granted().nat->source_address == at("203.0.113.5"));
    entry.nat.force_masquerade = true;
    CHECK(granted().nat->translate_source == source_translation::masquerade);
    entry.nat.forward_all = true;
    CHECK(granted().nat->translate_source == source_translation::address);
    entry.nat.force_snat = at("fd00::7");
    CHECK(denied().reason == refusal::nat_target_unusable);
    CHECK(denied().detail == "fd00::7 and 203.0.113.9 are not of one address family");
}

TEST_CASE("a signature that will not do is told with its reason") {
    const auto source = at("192.0.2.7");
    const auto told = [&source](refusal reason, std::string detail, std::string required = {}) {
        refused why;
        why.reason = reason;
        why.detail = std::move(detail);
        why.required = std::move(required);
        return refusal_text(why, 2, source);
    };
    const std::string head = "[192.0.2.7] (stanza #2) ";
    for (const auto reason :
         {refusal::signature_missing, refusal::signature_bad, refusal::signature_untrusted})
        CHECK(told(reason, "why") == head + "Error creating fko context: why");
    CHECK(told(refusal::wrong_signer, "ABCD1234", "GPG_REMOTE_ID") ==
          head + "Incoming SPA packet signed by ID: ABCD1234, but that ID is not in the "
                 "GPG_REMOTE_ID list.");
    CHECK(told(refusal::wrong_signer, "ABCD1234", "GPG_FINGERPRINT_ID") ==
          head + "Incoming SPA packet signed by: ABCD1234, but that fingerprint is not in the "
                 "GPG_FINGERPRINT_ID list.");
}

TEST_CASE("every refusal has a name of its own") {
    std::vector<std::string_view> names;
    for (int i = 0; i < static_cast<int>(refusal::end_); ++i) {
        const auto name = name_of(static_cast<refusal>(i));
        CHECK(name != "unknown");
        CHECK(std::ranges::find(names, name) == names.end());
        names.push_back(name);
    }
}

} // namespace
} // namespace fwknop::test
