// SPDX-License-Identifier: Apache-2.0
#include "access_fixture.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace fwknop;

TEST_CASE_METHOD(access_fixture, "keys are plain or base64") {
    parse("SOURCE ANY\nKEY_BASE64 c2VjcmV0\nHMAC_KEY_BASE64 aG1hYw==\n");
    REQUIRE(error().empty());
    CHECK(stanzas.at(0).encryption->pass_phrase.text() == "secret");
    REQUIRE(stanzas[0].hmac);
    CHECK(stanzas[0].hmac->type() == digest_type::sha256);
    const auto expected = hmac_key::make(digest_type::sha256, secret_bytes::from_text("hmac"));
    CHECK(stanzas[0].hmac->sign("", "x").value() == expected->sign("", "x").value());

    parse("SOURCE ANY\nKEY a b  c \nHMAC_KEY hmac\nHMAC_DIGEST_TYPE SHA3_512\n");
    REQUIRE(error().empty());
    CHECK(stanzas.at(0).encryption->pass_phrase.text() == "a b  c");
    CHECK(stanzas[0].hmac->type() == digest_type::sha3_512);
}

TEST_CASE_METHOD(access_fixture, "placeholders are no keys") {
    const std::string name =
        GENERATE("KEY", "KEY_BASE64", "HMAC_KEY", "HMAC_KEY_BASE64", "GPG_DECRYPT_PW");
    parse("SOURCE ANY\n" + name + " __CHANGEME__\n");
    CHECK(error().starts_with("[*] " + name +
                              " value is not properly set in stanza source 'ANY' in access file: "
                              "'/a/access.conf'"));
    CHECK(error().ends_with("(/a/access.conf:2)"));
}

TEST_CASE_METHOD(access_fixture, "what is not base64 is refused and not shown") {
    const std::string name = GENERATE("KEY_BASE64", "HMAC_KEY_BASE64");
    const std::string value = GENERATE("no!base64", "====", "my pass phrase");
    parse("SOURCE ANY\nKEY x\n" + name + " " + value + "\n");
    CHECK(error().starts_with("[*] " + name + " argument doesn't look like base64-encoded data"));
    CHECK(error().find(value) == std::string::npos);
}

TEST_CASE_METHOD(access_fixture, "encryption keys end at 32 bytes") {
    parse("SOURCE ANY\nKEY " + std::string(32, 'k') + "\n");
    CHECK(error().empty());
    parse("SOURCE ANY\nKEY " + std::string(33, 'k') + "\n");
    CHECK(error().starts_with("[*] KEY cannot be used for access stanza source: 'ANY': "));
    CHECK(error().find("33 bytes, at most 32") != std::string::npos);
    CHECK(error().find("kkk") == std::string::npos);
}

TEST_CASE_METHOD(access_fixture, "HMAC keys end at 136 bytes") {
    parse("SOURCE ANY\nKEY x\nHMAC_KEY " + std::string(136, 'k') + "\n");
    CHECK(error().empty());
    parse("SOURCE ANY\nKEY x\nHMAC_KEY " + std::string(137, 'k') + "\n");
    CHECK(error().starts_with("[*] HMAC_KEY cannot be used for access stanza source: 'ANY': "));
    CHECK(error().find("137 bytes, at most 136") != std::string::npos);
}

TEST_CASE_METHOD(access_fixture, "the two keys must differ") {
    const std::string words = "[*] The encryption passphrase and HMAC key should not be identical "
                              "for access stanza source: 'ANY' (/a/access.conf:1)";
    parse("SOURCE ANY\nKEY secret\nHMAC_KEY secret\n");
    CHECK(error() == words);
    parse("SOURCE ANY\nKEY secret\nHMAC_KEY_BASE64 c2VjcmV0\n");
    CHECK(error() == words);
    parse("SOURCE ANY\nKEY secret\nHMAC_KEY secres\n");
    CHECK(error().empty());
}

TEST_CASE_METHOD(access_fixture, "a stanza needs a key") {
    parse("SOURCE ANY\nOPEN_PORTS tcp/22\nSOURCE 192.0.2.1\nKEY x\n");
    CHECK(error().starts_with("[*] No keys found for access stanza source: 'ANY'"));
    CHECK(error().ends_with("(/a/access.conf:1)"));
    CHECK(report.all().back().text == "[*] Data error in access file: '/a/access.conf'");
    CHECK(stanzas.empty());
    parse("SOURCE ANY\nHMAC_KEY x\n");
    CHECK(error().starts_with("[*] No keys found"));
    parse("SOURCE ANY\nGPG_DECRYPT_ID ABCD1234\nGPG_REMOTE_ID ABCD1234\n");
    CHECK(error().starts_with("[*] No keys found"));
    parse("SOURCE ANY\nKEY x\nENCRYPTION_MODE Asymmetric\n");
    CHECK(error().starts_with("[*] No keys found"));
}

TEST_CASE_METHOD(access_fixture, "legacy keys are cut to 16 bytes") {
    parse("SOURCE ANY\nENCRYPTION_MODE legacy\nKEY 0123456789abcdefX\n");
    REQUIRE(error().empty());
    CHECK(warned("Warning: truncating encryption key in legacy mode to 16 bytes for access stanza "
                 "source: 'ANY'"));
    CHECK(stanzas.at(0).encryption->pass_phrase.text() == "0123456789abcdef");
    CHECK(stanzas[0].encryption->mode == encryption_mode::legacy);
    parse("SOURCE ANY\nENCRYPTION_MODE legacy\nKEY 0123456789abcdef\n");
    CHECK_FALSE(warned("truncating"));
}

TEST_CASE_METHOD(access_fixture, "GPG settings are stored") {
    parse("SOURCE ANY\nGPG_DECRYPT_ID me@example.org\nGPG_DECRYPT_PW pw\nGPG_REMOTE_ID abcd1234\n"
          "GPG_FINGERPRINT_ID 00CC95F05BC146B6AC4038C9E36F443C6A3FAD56\nGPG_HOME_DIR /h\n"
          "GPG_EXE /g\nGPG_IGNORE_SIG_VERIFY_ERROR Y\n");
    REQUIRE(error().empty());
    const auto& entry = stanzas.at(0);
    CHECK_FALSE(entry.encryption);
    CHECK(entry.gpg.usable());
    CHECK(entry.gpg.decrypt_id == "me@example.org");
    CHECK(entry.gpg.decrypt_password->text() == "pw");
    CHECK(entry.gpg.remote_ids == std::vector<std::string>{"ABCD1234"});
    CHECK(entry.gpg.fingerprint_ids.size() == 1);
    CHECK(entry.gpg.home_dir == "/h");
    CHECK(entry.gpg.program == "/g");
    CHECK(entry.gpg.ignore_verify_error);
    CHECK(entry.gpg.check_signature);

    parse("SOURCE ANY\nGPG_DECRYPT_ID x\nGPG_ALLOW_NO_PW Y\nGPG_REMOTE_ID abcd1234\n");
    REQUIRE(error().empty());
    CHECK(stanzas.at(0).gpg.home_dir == "/root/.gnupg");
    CHECK(stanzas[0].gpg.program == "/usr/bin/gpg");
}

TEST_CASE_METHOD(access_fixture, "only GPG_DISABLE_SIG turns signatures off") {
    const std::string gpg = "SOURCE ANY\nGPG_DECRYPT_ID x\nGPG_ALLOW_NO_PW Y\n";
    parse(gpg);
    CHECK(error().starts_with("Must have either sig ID's or fingerprints to check via "
                              "GPG_REMOTE_ID or GPG_FINGERPRINT_ID (stanza source: 'ANY' #1)"));
    parse(gpg + "GPG_REQUIRE_SIG N\n");
    CHECK_FALSE(error().empty());
    parse(gpg + "GPG_DISABLE_SIG Y\n");
    REQUIRE(error().empty());
    CHECK_FALSE(stanzas.at(0).gpg.check_signature);
    CHECK(
        warned("Warning: GPG_REQUIRE_SIG should really be enabled for stanza source: 'ANY' (#1)"));
    parse(gpg + "GPG_DISABLE_SIG Y\nGPG_REQUIRE_SIG Y\nGPG_REMOTE_ID abcd1234\n");
    REQUIRE(error().empty());
    CHECK(stanzas.at(0).gpg.check_signature);
    CHECK(warned("are both set, will check sigs (stanza source: 'ANY' #1)"));
}
