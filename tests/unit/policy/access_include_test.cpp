// SPDX-License-Identifier: Apache-2.0
#include "access_fixture.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace fwknop;

namespace {

std::string keys_of(const std::vector<stanza>& stanzas) {
    std::string keys;
    for (const auto& entry : stanzas) {
        keys += std::string{entry.encryption->pass_phrase.text()} + std::to_string(entry.number);
    }
    return keys;
}

} // namespace

TEST_CASE_METHOD(access_fixture, "included stanzas stand where the include stands") {
    files["/a/more"].text = "SOURCE ANY\nKEY b\n";
    parse("SOURCE ANY\nKEY a\n%include /a/more\nREQUIRE_USERNAME zed\nSOURCE ANY\nKEY c\n");
    REQUIRE(error().empty());
    CHECK(keys_of(stanzas) == "a1b2c3");
    CHECK(stanzas.at(0).require_username == "zed");
    CHECK_FALSE(stanzas.at(1).require_username);
    CHECK(stanzas.at(1).file == "/a/more");
}

TEST_CASE_METHOD(access_fixture, "what an included file has before its SOURCE counts for nothing") {
    files["/a/more"].text = "REQUIRE_USERNAME zed\n";
    parse("SOURCE ANY\nKEY a\n%include /a/more\n");
    REQUIRE(error().empty());
    CHECK_FALSE(stanzas.at(0).require_username);
}

TEST_CASE_METHOD(access_fixture, "includes go two levels deep") {
    files["/a/1"].text = "SOURCE ANY\nKEY b\n%include /a/2\n";
    files["/a/2"].text = "SOURCE ANY\nKEY c\n";
    files["/a/3"].text = "SOURCE ANY\nKEY d\n";
    parse("SOURCE ANY\nKEY a\n%include /a/1\n");
    REQUIRE(error().empty());
    CHECK(keys_of(stanzas) == "a1b2c3");

    files["/a/2"].text += "%include /a/3\n";
    parse("SOURCE ANY\nKEY a\n%include /a/1\n");
    CHECK(error().starts_with("[*] Refusing to go deeper than 3 levels. Lost in Limbo: '/a/3'"));
    CHECK(error().ends_with("(/a/2:3)"));
    CHECK(stanzas.empty());

    parse("SOURCE ANY\nKEY a\n%include /a/access.conf\n");
    CHECK(error().starts_with("[*] Refusing to go deeper than 3 levels."));
}

TEST_CASE_METHOD(access_fixture, "a missing include is an error at its line") {
    parse("SOURCE ANY\nKEY a\n%include /nosuch\n");
    CHECK(error() == "[*] Access file: '/nosuch' was not found. (/a/access.conf:3)");
    parse("%include_folder /nosuch\n");
    CHECK(error().starts_with("[*] Access folder: '/nosuch' could not be opened. "));
    CHECK(error().ends_with("(/a/access.conf:1)"));
    diagnostics missing;
    CHECK(parse_access_config("/nosuch", files, server, midnight, missing).empty());
    CHECK(missing.first_error()->to_string() == "[*] Access file: '/nosuch' was not found. "
                                                "(/nosuch)");
}

TEST_CASE_METHOD(access_fixture, "an error in an included file names that file") {
    files["/a/more"].text = "SOURCE ANY\nKEY b\n\nFW_ACCESS_TIMEOUT x\n";
    parse("SOURCE ANY\nKEY a\n%include /a/more\n");
    CHECK(error().ends_with("(/a/more:4)"));
}

TEST_CASE_METHOD(access_fixture, "a folder gives its conf files by name") {
    files["/d/b.conf"].text = "SOURCE ANY\nKEY b\n";
    files["/d/a.conf"].text = "SOURCE ANY\nKEY a\n";
    files["/d/c.conf.bak"].text = "SOURCE ANY\nKEY c\n";
    files["/d/.conf"].text = "SOURCE ANY\nKEY d\n";
    parse("SOURCE ANY\nKEY r\n%include_folder /d\n");
    REQUIRE(error().empty());
    CHECK(keys_of(stanzas) == "r1a2b3");

    diagnostics inner;
    stanzas = parse_access_folder("/d", files, server, midnight, inner);
    CHECK_FALSE(inner.failed());
    CHECK(keys_of(stanzas) == "a1b2");
}

TEST_CASE_METHOD(access_fixture, "a folder without stanzas is an error") {
    files["/d/readme"].text = "SOURCE ANY\nKEY b\n";
    diagnostics inner;
    CHECK(parse_access_folder("/d", files, server, midnight, inner).empty());
    REQUIRE(inner.failed());
    CHECK(inner.first_error()->text == "Fatal, could not find any valid access.conf stanzas");
}

TEST_CASE_METHOD(access_fixture, "readable files are warned about") {
    files["/a/more"] = {"SOURCE ANY\nKEY b\n", false, true};
    parse("SOURCE ANY\nKEY a\n%include /a/more\n");
    CHECK(error().empty());
    CHECK(warned("[-] file: /a/more permissions should only be user read/write"));
    CHECK_FALSE(warned("file: /a/access.conf"));
}

TEST_CASE_METHOD(access_fixture, "a key file gives keys and nothing else") {
    files["/k"].text = "KEY: kk\nHMAC_KEY hh\nSOURCE 192.0.2.1\nOPEN_PORTS tcp/23\n"
                       "HMAC_DIGEST_TYPE md5\nGPG_EXE /x\nGPG_HOME_DIR /y\nGPG_DECRYPT_ID me\n"
                       "%include /a/more\nREQUIRE_USERNAME\nENABLE_CMD_EXEC Y\n";
    parse("SOURCE ANY\nOPEN_PORTS tcp/22\n%include_keys /k\nSOURCE ANY\nKEY b\n");
    REQUIRE(error().empty());
    REQUIRE(stanzas.size() == 2);
    const auto& entry = stanzas[0];
    CHECK(entry.encryption->pass_phrase.text() == "kk");
    REQUIRE(entry.hmac);
    CHECK(entry.hmac->type() == digest_type::sha256);
    CHECK(entry.open_ports->contains({protocol::tcp, 22}));
    CHECK_FALSE(entry.open_ports->contains({protocol::tcp, 23}));
    CHECK(entry.source.contains_everything());
    CHECK(entry.gpg.decrypt_id == "me");
    CHECK(entry.gpg.program == "/usr/bin/gpg");
    CHECK_FALSE(entry.command.enabled);
    CHECK(warned("Ignoring invalid entry: 'SOURCE', a key file has"));
    CHECK(warned("Ignoring invalid entry: '%include'"));
    CHECK(warned("(/k:6)"));
}

TEST_CASE_METHOD(access_fixture, "a useless key file costs its stanza only") {
    const std::string text = GENERATE(
        "", "KEY __CHANGEME__\n", "KEY_BASE64 !\n", "KEY x\nHMAC_KEY x\n", "HMAC_KEY only\n",
        "KEY 012345678901234567890123456789012\n", "GPG_DECRYPT_ID x\nGPG_ALLOW_NO_PW Y\n");
    CAPTURE(text);
    files["/k"].text = text;
    parse("SOURCE 192.0.2.1\n%include_keys /k\nREQUIRE_SOURCE Y\nSOURCE ANY\nKEY b\n");
    CHECK(error().empty());
    CHECK(keys_of(stanzas) == "b1");
    CHECK(warned("[*] Data error in included keyfile: '/k', skipping stanza. (/a/access.conf:2)"));
}

TEST_CASE_METHOD(access_fixture, "a missing key file costs its stanza only") {
    parse("SOURCE 192.0.2.1\n%include_keys /nosuch\nSOURCE ANY\nKEY b\n");
    CHECK(error().empty());
    CHECK(keys_of(stanzas) == "b1");
    CHECK(warned("[*] Access file: '/nosuch' was not found. (/a/access.conf:2)"));
    parse("SOURCE 192.0.2.1\n%include_keys /nosuch\n");
    CHECK(error().starts_with("[*] Could not find valid SOURCE stanza in access file"));
}

TEST_CASE_METHOD(access_fixture, "a mistake beside a good key file is still an error") {
    files["/k"].text = "KEY kk\n";
    parse("SOURCE ANY\nCMD_CYCLE_OPEN x\n%include_keys /k\n");
    CHECK(error().starts_with("[*] Cannot set CMD_CYCLE_OPEN"));
}
