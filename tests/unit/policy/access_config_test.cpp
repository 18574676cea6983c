// SPDX-License-Identifier: Apache-2.0
#include "access_fixture.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace fwknop;

TEST_CASE_METHOD(access_fixture, "a stanza with a key alone has the defaults") {
    parse("SOURCE ANY\nKEY abcdefgh\n");
    REQUIRE(error().empty());
    REQUIRE(stanzas.size() == 1);
    const auto& entry = stanzas[0];
    CHECK(entry.number == 1);
    CHECK(entry.source_text == "ANY");
    CHECK(entry.file == "/a/access.conf");
    CHECK(entry.line == 1);
    CHECK_FALSE(entry.destination);
    REQUIRE(entry.encryption);
    CHECK(entry.encryption->pass_phrase.text() == "abcdefgh");
    CHECK(entry.encryption->mode == encryption_mode::cbc);
    CHECK_FALSE(entry.hmac);
    CHECK_FALSE(entry.open_ports);
    CHECK(entry.restrict_ports.ranges().empty());
    CHECK(entry.access_timeout.count() == 30);
    CHECK(entry.max_timeout.count() == 300);
    CHECK_FALSE(entry.expiry);
    CHECK_FALSE(entry.require_username);
    CHECK_FALSE(entry.require_source_address);
    CHECK(warned("Warning: REQUIRE_SOURCE_ADDRESS not enabled for access stanza source: 'ANY'"));
}

TEST_CASE_METHOD(access_fixture, "every plain directive has its effect") {
    parse_lines("NAME the office\nDESTINATION 198.51.100.0/24\nOPEN_PORTS tcp/22\n"
                "RESTRICT_PORTS udp/53\nFW_ACCESS_TIMEOUT 10\nMAX_FW_TIMEOUT 20\n"
                "REQUIRE_USERNAME bob # x\nREQUIRE_SOURCE_ADDRESS Y\nSOURCE_WIDEN /24,/56\n"
                "ENCRYPTION_MODE ctr\n");
    REQUIRE(error().empty());
    const auto& entry = stanzas.at(0);
    CHECK(entry.name == "the office");
    CHECK(entry.destination_text == "198.51.100.0/24");
    const auto client = *ip_address::parse("192.0.2.1");
    CHECK(entry.matches(client, *ip_address::parse("198.51.100.7")));
    CHECK_FALSE(entry.matches(client, *ip_address::parse("198.51.101.7")));
    CHECK(entry.open_ports->contains({protocol::tcp, 22}));
    CHECK(entry.restrict_ports.contains({protocol::udp, 53}));
    CHECK(entry.access_timeout.count() == 10);
    CHECK(entry.max_timeout.count() == 20);
    CHECK(entry.require_username == "bob # x");
    CHECK(entry.require_source_address);
    CHECK(entry.widen.v4_prefix == 24);
    CHECK(entry.widen.v6_prefix == 56);
    CHECK(entry.encryption->mode == encryption_mode::ctr);
    CHECK(report.all().empty());
}

TEST_CASE_METHOD(access_fixture, "names may end with a colon, and lines with a semicolon") {
    parse(
        "  SOURCE: 192.0.2.1;\n\tKEY:\tabc ; remark\n# REQUIRE_SOURCE Y\n;x\n \nREQUIRE_SOURCE y");
    REQUIRE(error().empty());
    CHECK(stanzas.at(0).source_text == "192.0.2.1");
    CHECK(stanzas.at(0).encryption->pass_phrase.text() == "abc");
    CHECK(stanzas.at(0).require_source_address);
}

TEST_CASE_METHOD(access_fixture, "stanzas keep the order of the file, the last value wins") {
    parse("KEY before\nBOGUS\tbefore\nSOURCE 192.0.2.1\nKEY one\nKEY first\nSOURCE ANY\nKEY "
          "second\n");
    REQUIRE(error().empty());
    REQUIRE(stanzas.size() == 2);
    CHECK(stanzas[0].encryption->pass_phrase.text() == "first");
    CHECK(stanzas[1].encryption->pass_phrase.text() == "second");
    CHECK(stanzas[1].number == 2);
    CHECK_FALSE(stanzas[0].source.contains(*ip_address::parse("192.0.2.2")));
    CHECK_FALSE(warned("BOGUS"));
}

TEST_CASE_METHOD(access_fixture, "unknown names warn with their place, and show no key") {
    parse_lines("BOGUS x\nKEY=secret rest\n");
    CHECK(error().empty());
    CHECK(warned("[*] Ignoring unknown access parameter: 'BOGUS' in /a/access.conf "
                 "(/a/access.conf:3)"));
    CHECK(warned("(/a/access.conf:4)"));
    CHECK_FALSE(warned("secret"));
}

TEST_CASE_METHOD(access_fixture, "a name without a value ends the start") {
    parse_lines("REQUIRE_USERNAME\n");
    CHECK(error().starts_with("[*] Invalid access file entry in /a/access.conf at line 3."));
    CHECK(stanzas.empty());
    parse("SOURCE\n");
    CHECK(error().starts_with("[*] Invalid access file entry in /a/access.conf at line 1."));
    parse_lines("KEY=secret\n");
    CHECK(error().find("secret") == std::string::npos);
}

TEST_CASE_METHOD(access_fixture, "no stanza, no start") {
    parse("# nothing\nKEY x\n");
    CHECK(error() == "[*] Could not find valid SOURCE stanza in access file: '/a/access.conf' "
                     "(/a/access.conf)");
}

TEST_CASE_METHOD(access_fixture, "wrong values are refused with their place") {
    server.ipt_forwarding = true;
    const auto [line, words] = GENERATE(table<std::string, std::string>({
        {"DESTINATION foo", "[*] Fatal invalid DESTINATION in access stanza: 'foo'"},
        {"OPEN_PORTS icmp/8", "[*] Fatal invalid OPEN_PORTS in access stanza: [*] Invalid proto"},
        {"RESTRICT_PORTS tcp/", "[*] Fatal invalid RESTRICT_PORTS in access stanza: [*] Invalid"},
        {"FW_ACCESS_TIMEOUT 8388609", "[*] FW_ACCESS_TIMEOUT value not in range [0,8388608]"},
        {"FW_ACCESS_TIMEOUT -1", "[*] FW_ACCESS_TIMEOUT value not in range"},
        {"FW_ACCESS_TIMEOUT abc", "[*] FW_ACCESS_TIMEOUT value not in range"},
        {"MAX_FW_TIMEOUT 8388609", "[*] MAX_FW_TIMEOUT value not in range"},
        {"MAX_FW_TIMEOUT -1", "[*] MAX_FW_TIMEOUT value not in range"},
        {"ENCRYPTION_MODE foo", "[*] Unrecognized ENCRYPTION_MODE 'foo', use {CBC,CTR"},
        {"ENCRYPTION_MODE PCBC", "[*] Unrecognized ENCRYPTION_MODE 'PCBC'"},
        {"HMAC_DIGEST_TYPE foo", "[*] HMAC_DIGEST_TYPE argument 'foo' must be one of {md5,sha1,"},
        {"ACCESS_EXPIRE foo", "[*] Fatal: invalid date value 'foo' (need MM/DD/YYYY)"},
        {"ACCESS_EXPIRE 13/45/2030", "[*] Fatal: invalid date value '13/45/2030'"},
        {"ACCESS_EXPIRE_EPOCH abc", "[*] Fatal: invalid epoch seconds value 'abc'"},
        {"ACCESS_EXPIRE_EPOCH 1000000000000", "[*] Fatal: invalid epoch seconds value"},
        {"SOURCE_WIDEN 8", "SOURCE_WIDEN: '8' is no width"},
        {"CMD_CYCLE_TIMER 0", "[*] CMD_CYCLE_TIMER value not in range [1,8388608]"},
        {"CMD_CYCLE_TIMER 8388609", "[*] CMD_CYCLE_TIMER value not in range"},
        {"CMD_CYCLE_OPEN " + std::string(256, 'x'), "[*] CMD_CYCLE_OPEN has 256 characters"},
        {"CMD_CYCLE_CLOSE " + std::string(256, 'x'), "[*] CMD_CYCLE_CLOSE has 256 characters"},
        {"FORCE_NAT 1.2.3.4", "[*] Fatal: invalid FORCE_NAT arg '1.2.3.4', need <IP> <PORT>"},
        {"FORCE_NAT 1.2.3.4 70000", "[*] Fatal: invalid FORCE_NAT port '70000'"},
        {"FORCE_NAT foo 22", "[*] Fatal: invalid FORCE_NAT IP 'foo'"},
        {"FORCE_SNAT foo", "[*] Fatal: invalid FORCE_SNAT IP 'foo'"},
        {"GPG_REMOTE_ID xyz", "[*] Fatal invalid GPG_REMOTE_ID list in access stanza"},
        {"GPG_FINGERPRINT_ID ABCD1234", "[*] Fatal invalid GPG_FINGERPRINT_ID list in access"},
    }));
    CAPTURE(line);
    parse_lines(line + "\n");
    CHECK(error().starts_with(words));
    CHECK(error().ends_with("(/a/access.conf:3)"));
    CHECK(stanzas.empty());
}

TEST_CASE_METHOD(access_fixture, "SOURCE must be right") {
    parse("\nSOURCE 10.0.0.0/0\nKEY x\n");
    CHECK(error().starts_with("[*] Fatal invalid SOURCE in access stanza: '10.0.0.0/0' has an"));
    CHECK(error().ends_with("(/a/access.conf:2)"));
}

TEST_CASE_METHOD(access_fixture, "timeouts of zero are the defaults, limits belong to the range") {
    parse_lines("FW_ACCESS_TIMEOUT 0\nMAX_FW_TIMEOUT 0\n");
    CHECK(stanzas.at(0).access_timeout.count() == 30);
    CHECK(stanzas.at(0).max_timeout.count() == 300);
    parse_lines("FW_ACCESS_TIMEOUT 8388608\nMAX_FW_TIMEOUT 8388608\n");
    CHECK(stanzas.at(0).access_timeout.count() == 8388608);
    CHECK(stanzas.at(0).max_timeout.count() == 8388608);
    parse_lines("FW_ACCESS_TIMEOUT 50\nMAX_FW_TIMEOUT 20\n");
    CHECK(warned("Warning: MAX_FW_TIMEOUT < FW_ACCESS_TIMEOUT"));
    CHECK(stanzas.at(0).access_timeout.count() == 50);
}

TEST_CASE_METHOD(access_fixture, "expiry is local midnight or a second") {
    parse_lines("ACCESS_EXPIRE 01/02/31\n");
    REQUIRE(stanzas.at(0).expiry);
    CHECK(to_seconds(*stanzas[0].expiry) == 1925096400); // 2031-01-02 05:00:00 UTC
    parse_lines("ACCESS_EXPIRE_EPOCH 99\n");
    CHECK(to_seconds(*stanzas.at(0).expiry) == 99);
    CHECK_FALSE(stanzas[0].has_expired(from_seconds(98)));
    CHECK(stanzas[0].has_expired(from_seconds(99)));
}

TEST_CASE_METHOD(access_fixture, "commands and cycles are stored") {
    parse_lines("ENABLE_CMD_EXEC Y\nENABLE_CMD_SUDO_EXEC y\nCMD_EXEC_USER u\nCMD_EXEC_GROUP g\n"
                "CMD_SUDO_EXEC_USER su\nCMD_SUDO_EXEC_GROUP sg\nCMD_CYCLE_OPEN /bin/o $IP $HOME\n"
                "CMD_CYCLE_CLOSE /bin/c\nCMD_CYCLE_TIMER 8388608\n");
    REQUIRE(error().empty());
    const auto& entry = stanzas.at(0);
    CHECK(entry.command.user.text == "u");
    CHECK(entry.command.group.text == "g");
    CHECK(entry.command.sudo_user.text == "su");
    CHECK(entry.command.sudo_group.text == "sg");
    CHECK(entry.cycle.open == "/bin/o $IP $HOME");
    CHECK(entry.cycle.close == "/bin/c");
    CHECK(entry.cycle.timer.count() == 8388608);
    CHECK(warned("$HOME is no variable"));
    CHECK(entry.cycle.open_words == std::vector<std::string>{"/bin/o", "$IP", "$HOME"});
    CHECK(entry.cycle.close_words == std::vector<std::string>{"/bin/c"});
    CHECK(warned("ENABLE_CMD_EXEC has no effect beside CMD_CYCLE_OPEN"));
    parse_lines("ENABLE_CMD_SUDO_EXEC Y\n");
    REQUIRE(error().empty());
    CHECK(warned("ENABLE_CMD_SUDO_EXEC has no effect without ENABLE_CMD_EXEC"));
}

TEST_CASE_METHOD(access_fixture, "a cycle is whole") {
    parse_lines("CMD_CYCLE_OPEN x\n");
    CHECK(error().starts_with("[*] Cannot set CMD_CYCLE_OPEN without also setting CMD_CYCLE_CLOSE:"
                              " 'ANY'"));
    CHECK(report.all().back().text == "[*] Data error in access file: '/a/access.conf'");
    parse_lines("CMD_CYCLE_CLOSE x\n");
    CHECK(error().starts_with("[*] Cannot set CMD_CYCLE_CLOSE without also setting"));
    parse_lines("CMD_CYCLE_OPEN x\nCMD_CYCLE_CLOSE y\n");
    CHECK(error().starts_with("[*] Must set the CMD_CYCLE_TIMER for command cycle"));
    parse_lines("CMD_CYCLE_OPEN /bin/x 'y\nCMD_CYCLE_CLOSE NONE\n");
    CHECK(error().starts_with("[*] CMD_CYCLE_OPEN '/bin/x 'y' has a quote that is not closed"));
    parse_lines("CMD_CYCLE_OPEN x\nCMD_CYCLE_CLOSE y\\\nCMD_CYCLE_TIMER 1\n");
    CHECK(error().starts_with("[*] CMD_CYCLE_CLOSE 'y\\' has a quote that is not closed"));
    parse_lines("CMD_CYCLE_OPEN \"\" x\nCMD_CYCLE_CLOSE NONE\n");
    CHECK(error().starts_with("[*] CMD_CYCLE_OPEN '\"\" x' names no program: 'ANY'"));
    parse_lines("CMD_CYCLE_OPEN " + std::string(255, 'x') + "\nCMD_CYCLE_CLOSE NONE\n");
    REQUIRE(error().empty());
    CHECK(stanzas.at(0).cycle.enabled());
    CHECK(stanzas[0].cycle.close.empty());
}

TEST_CASE_METHOD(access_fixture, "NAT forcing needs NAT") {
    for (const std::string line : {"FORCE_NAT 10.0.0.9 22", "FORCE_SNAT 10.0.0.9",
                                   "FORCE_MASQUERADE Y", "DISABLE_DNAT Y", "FORWARD_ALL Y"}) {
        CAPTURE(line);
        parse_lines(line + "\n");
        CHECK(error().starts_with("[*] " + line.substr(0, line.find(' ')) +
                                  " requires either ENABLE_IPT_FORWARDING or "
                                  "ENABLE_IPT_LOCAL_NAT in fwknopd.conf"));
    }
    server.ipt_local_nat = true;
    for (const auto* const line : {"FORCE_SNAT 10.0.0.9\n", "FORCE_MASQUERADE Y\n"}) {
        parse_lines(line);
        CHECK(error().starts_with("[*] FORCE_SNAT/FORCE_MASQUERADE requires either FORCE_NAT or "
                                  "FORWARD_ALL: 'ANY'"));
    }
    parse_lines("FORCE_NAT 10.0.0.9 2222\nFORCE_SNAT 203.0.113.7\nFORCE_MASQUERADE Y\n"
                "DISABLE_DNAT Y\n");
    REQUIRE(error().empty());
    const auto& nat = stanzas.at(0).nat;
    CHECK(nat.force_nat->address.to_string() == "10.0.0.9");
    CHECK(nat.force_nat->port == 2222);
    CHECK(nat.force_snat->to_string() == "203.0.113.7");
    CHECK(nat.force_masquerade);
    CHECK(nat.disable_dnat);
    for (const std::string target : {"10.0.0.9 0", "0.0.0.0 22", "0.0.0.0 0"}) {
        parse_lines("FORCE_NAT " + target + "\n");
        CHECK(error().starts_with("[*] FORCE_NAT " + target + " leads nowhere"));
        parse_lines("FORCE_NAT " + target + "\nFORWARD_ALL Y\n");
        CHECK(error().empty());
    }
    parse_lines("FORWARD_ALL Y\nFORCE_SNAT 203.0.113.7\n");
    REQUIRE(error().empty());
    CHECK(stanzas.at(0).nat.forward_all);
    CHECK(stanzas[0].nat.force_nat->address.is_unspecified());
    CHECK(stanzas[0].nat.force_nat->port == 0);
}

TEST_CASE_METHOD(access_fixture, "the dump shows every stanza and no key") {
    parse("SOURCE 192.0.2.1\nKEY topsecret\nHMAC_KEY othersecret\nOPEN_PORTS tcp/1-3,udp/5\n"
          "SOURCE ANY\nKEY x\nREQUIRE_USERNAME zed\n");
    const auto text = dump(stanzas);
    CHECK(text.find("SOURCE (1):  192.0.2.1\n=====") != std::string::npos);
    CHECK(text.find("SOURCE (2):  ANY\n") != std::string::npos);
    CHECK(text.find("                 OPEN_PORTS:  tcp/1-3,udp/5\n") != std::string::npos);
    CHECK(text.find("           REQUIRE_USERNAME:  zed\n") != std::string::npos);
    CHECK(text.find("                    KEY_LEN:  9\n") != std::string::npos);
    CHECK(text.find("secret") == std::string::npos);
}
