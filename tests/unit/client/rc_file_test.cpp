// SPDX-License-Identifier: Apache-2.0
#include "checked_string.hpp"
#include "client/rc_file.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <set>

using namespace fwknop;
using namespace fwknop::client;

namespace {

settings applied(std::string_view text, std::string_view stanza = "") {
    settings to;
    const std::array texts{rc_text{"rc", text}};
    const auto done = apply_rc(to, texts, stanza);
    INFO((done ? "" : done.error().text));
    REQUIRE(done);
    return to;
}

std::string refusal(std::string_view text, std::string_view stanza = "") {
    settings to;
    const std::array texts{rc_text{"rc", text}};
    const auto done = apply_rc(to, texts, stanza);
    return done ? "accepted" : done.error().text;
}

} // namespace

TEST_CASE("the forms of a line") {
    const auto value = [](std::string_view line) { return std::string{read_rc_line(line).value}; };
    CHECK(read_rc_line("").kind == rc_line_kind::nothing);
    CHECK(read_rc_line(" \t\r").kind == rc_line_kind::nothing);
    CHECK(read_rc_line("# KEY x").kind == rc_line_kind::nothing);
    CHECK(read_rc_line("  ; KEY x").kind == rc_line_kind::nothing);
    CHECK(read_rc_line("[foo]").name == "foo");
    CHECK(read_rc_line("[foo] # bar").name == "foo");
    CHECK(read_rc_line("[ foo ]").name == " foo ");
    CHECK(read_rc_line("[foo").kind == rc_line_kind::malformed);
    CHECK(read_rc_line("ACCESS tcp/22").name == "ACCESS");
    for (const auto* const line :
         {"ACCESS tcp/22", "ACCESS\ttcp/22", "  ACCESS   tcp/22  ", "ACCESS: tcp/22",
          "ACCESS:tcp/22", "ACCESS : tcp/22", "ACCESS tcp/22\r", "ACCESS tcp/22;x",
          "ACCESS tcp/22#x", "ACCESS tcp/22 more words"}) {
        INFO(line);
        CHECK(read_rc_line(line).name == "ACCESS");
        CHECK(value(line) == "tcp/22");
    }
    CHECK(value("ACCESS").empty());
    CHECK(value("ACCESS:").empty());
    CHECK(value("ACCESS # tcp/22").empty());
    CHECK(value("ACCESS = tcp/22") == "=");
}

TEST_CASE("precedence: named stanza over [default] over built-in") {
    constexpr auto text = "[default]\nSPA_SERVER_PORT 1000\nACCESS tcp/1\n"
                          "[foo]\nACCESS tcp/2\n[bar]\nACCESS tcp/3\n";
    CHECK(applied("").port == 62201);
    CHECK(applied(text).port == 1000);
    CHECK(applied(text).access == "tcp/1");
    CHECK(applied(text, "foo").port == 1000);
    CHECK(applied(text, "FOO").access == "tcp/2");
    CHECK(applied("[foo]\nACCESS tcp/2\n[default]\nACCESS tcp/1\n", "foo").access == "tcp/2");
}

TEST_CASE("among equals the last wins, in one stanza and over several") {
    CHECK(applied("[foo]\nACCESS tcp/1\nACCESS tcp/2\n", "foo").access == "tcp/2");
    CHECK(applied("[foo]\nACCESS tcp/1\n[foo]\nACCESS tcp/2", "foo").access == "tcp/2");
}

TEST_CASE("a plain key wins within a stanza, a later layer wins over an earlier") {
    CHECK(applied("[default]\nKEY p\nKEY_BASE64 YWJj\n").key.key.text() == "p");
    CHECK(applied("[default]\nKEY p\n[foo]\nKEY_BASE64 YWJj\n", "foo").key.key.text() == "abc");
}

TEST_CASE("several files are read as one") {
    settings to;
    const std::array texts{rc_text{"a", "[foo]\nACCESS tcp/1\n"},
                           rc_text{"b", "[default]\nSPA_SERVER h\n[foo]\nSPA_SERVER_PORT 2\n"}};
    REQUIRE(apply_rc(to, texts, "foo"));
    CHECK((to.access == "tcp/1" && to.destination == "h" && to.port == 2));
}

TEST_CASE("CRLF files and files without a final line feed") {
    const auto to = applied("[foo]\r\nACCESS tcp/22\r\n\r\nKEY abc", "foo");
    CHECK(to.access == "tcp/22");
    CHECK(to.key.key.text() == "abc");
}

TEST_CASE("directives before the first stanza are no one's") {
    CHECK(applied("ACCESS tcp/22\nBOGUS\n[default]\n").access.empty());
}

TEST_CASE("an unknown name or a missing value is fatal where it is read") {
    CHECK(refusal("[foo]\nBOGUS tcp/22\n", "foo") ==
          "Parameter error in rc, line 2: var=BOGUS, val=<hidden> (no such directive)");
    CHECK(refusal("# x\n\n[default]\nACCESS\n") ==
          "Parameter error in rc, line 4: var=ACCESS, val= (a value is missing)");
    CHECK(refusal("[foo]\naccess tcp/22\n", "foo").find("no such directive") != std::string::npos);
    CHECK(refusal("[bar]\nBOGUS x\n[foo]\nACCESS tcp/22\n", "foo") == "accepted");
    CHECK(refusal("[foo]\n[bar\n", "foo").find("line 2") != std::string::npos);
    CHECK(refusal("[foo]\n", "nosuch") == "Named configuration stanza: [nosuch] was not found.");
}

TEST_CASE("keys are never shown") {
    for (const auto* const name :
         {"KEY_BASE64", "HMAC_KEY_BASE64", "KEY_BASE46", "HMACKEY", "KYE"}) {
        const auto text = refusal("[default]\n" + std::string{name} + " !secret!\n");
        INFO(text);
        CHECK(text.find("Parameter error in rc, line 2: var=" + std::string{name}) == 0);
        CHECK(text.find("secret!") == std::string::npos);
    }
}

TEST_CASE("bad values are refused with their reason") {
    for (const auto* const line :
         {"SPA_SERVER_PORT 65536", "SPA_SERVER_PORT x", "FW_TIMEOUT 65537", "TIME_OFFSET 5x",
          "DIGEST_TYPE xx", "HMAC_DIGEST_TYPE xx", "ENCRYPTION_MODE pcbc", "SPA_SERVER_PROTO xx",
          "ALLOW_IP foo.bar", "NAT_PORT 65536", "SPA_SOURCE_PORT -1", "KEY_COMMAND pass 'x",
          "KEY_COMMAND ''", "SPOOF_SOURCE_IP 1.2.3"}) {
        INFO(line);
        CHECK(refusal("[default]\n" + std::string{line} + "\n").find("rc, line 2: var=") !=
              std::string::npos);
    }
}

TEST_CASE("every directive that is built has its effect") {
    const auto with = [](const char* line) { return applied("[default]\n" + std::string{line}); };
    CHECK(with("SPOOF_SOURCE_IP 192.0.2.9").spoof_source->to_string() == "192.0.2.9");
    CHECK(with("HTTP_USER_AGENT x").user_agent == "x");
    CHECK(with("USE_WGET_USER_AGENT Y").wget_user_agent);
    CHECK(with("WGET_CMD /bin/wget").wget_command == "/bin/wget");
    CHECK(with("RESOLVE_URL https://a/").resolve_url == "https://a/");
    CHECK(with("RESOLVE_HTTP_ONLY Y").resolve_http_only);
    CHECK(with("RESOLVE_HTTP_ONLY Y").resolve);
    CHECK_FALSE(with("RESOLVE_HTTP_ONLY N").resolve);
    CHECK(with("USE_GPG Y").use_gpg);
    CHECK(with("USE_GPG_AGENT Y").gpg_agent);
    CHECK(with("GPG_RECIPIENT k").gpg_recipient == "k");
    CHECK(with("GPG_SIGNER k").gpg_signer == "k");
    CHECK(with("GPG_HOMEDIR d").gpg_home_dir == "d");
    CHECK(with("GPG_EXE f").gpg_exe == "f");
    CHECK(with("GPG_NO_SIGNING_PW Y").gpg_no_password);
    CHECK(with("GPG_SIGNING_PW abc").gpg_password.key.text() == "abc");
    CHECK(with("GPG_SIGNING_PW_BASE64 YWJj").gpg_password.key.text() == "abc");
    CHECK(with("ACCESS tcp/1").access == "tcp/1");
    CHECK(with("ALLOW_IP 192.0.2.1").allow == "192.0.2.1");
    CHECK(with("ALLOW_IP source").allow_source == allow_from::source);
    CHECK(with("ALLOW_IP Resolve").resolve);
    CHECK(with("DIGEST_TYPE sha1").digest == digest_type::sha1);
    CHECK(with("ENCRYPTION_MODE legacy").mode == encryption_mode::legacy);
    CHECK(with("FW_TIMEOUT 65536").timeout == 65536);
    CHECK(with("HMAC_DIGEST_TYPE md5").hmac_digest == digest_type::md5);
    CHECK(with("HMAC_KEY ab").hmac_key.key.text() == "ab");
    CHECK(with("HMAC_KEY_BASE64 YWJj").hmac_key.key.text() == "abc");
    CHECK(with("HMAC_KEY_FILE f").hmac_key_file == "f");
    CHECK(with("KEY ab").key.key.text() == "ab");
    CHECK(with("KEY_BASE64 YWJj").key.key.text() == "abc");
    CHECK(with("KEY_COMMAND pass  show 'a;b' #1 \t\r").key_command == "pass  show 'a;b' #1");
    CHECK(with("KEY_FILE f").key_file == "f");
    CHECK(with("NAT_ACCESS 10.0.0.5,22").nat_access == "10.0.0.5,22");
    CHECK(with("NAT_LOCAL Y").nat_local);
    CHECK(with("NAT_PORT 65535").nat_port == 65535);
    CHECK(with("NAT_RAND_PORT y").nat_random_port);
    CHECK(with("NO_SAVE_ARGS Y").no_save_args);
    CHECK(with("RAND_PORT Y").random_port);
    CHECK(with("RESOLVE_IP_HTTP Y").resolve);
    CHECK(with("RESOLVE_IP_HTTPS Y").resolve);
    CHECK(with("SERVER_RESOLVE_IPV4 Y").family == family_choice::v4_only);
    CHECK(with("SPA_SERVER h").destination == "h");
    CHECK(with("SPA_SERVER_PORT 65535").port == 65535);
    CHECK(with("SPA_SERVER_PROTO TCP").protocol == carrier::tcp);
    CHECK(with("SPA_SOURCE_PORT 7").source_port == 7);
    CHECK(with("SPOOF_USER bob").user == "bob");
    CHECK(with("TIME_OFFSET -5min").time_offset == -300);
    CHECK(with("USE_HMAC Y").use_hmac);
    CHECK(with("VERBOSE Y").verbose == 1);
    CHECK(with("VERBOSE 3").verbose == 3);
}

TEST_CASE("booleans are exactly Y or y") {
    CHECK(applied("[default]\nUSE_HMAC y\n").use_hmac);
    for (const auto* const no : {"N", "yes", "Yes", "1", "true"})
        CHECK_FALSE(applied("[default]\nUSE_HMAC " + std::string{no} + "\n").use_hmac);
    CHECK_FALSE(applied("[default]\nUSE_HMAC Y\n[foo]\nUSE_HMAC N\n", "foo").use_hmac);
}

TEST_CASE("details of features that do not exist yet are accepted, not obeyed") {
    for (const auto* const name : {"GPG_HOMEDIR", "GPG_EXE", "WGET_CMD", "HTTP_USER_AGENT",
                                   "RESOLVE_URL", "USE_GPG_AGENT", "GPG_SIGNER", "USE_GPG"})
        CHECK(refusal("[default]\n" + std::string{name} + " N\n") == "accepted");
}

TEST_CASE("the directive table holds the whole list") {
    const auto names = directive_names();
    CHECK(names.size() == 45);
    CHECK(std::set<std::string_view>(names.begin(), names.end()).size() == names.size());
}

TEST_CASE("stanza names: once each, in order, without [default]") {
    CHECK(stanza_names("[default]\n[foo]\nKEY x\n[bar]\n[FOO]\n[DEFAULT]\n") ==
          std::vector<std::string>{"foo", "bar"});
    CHECK(stanza_names("").empty());
}

TEST_CASE("a key's command and a key: the later layer wins, and in one layer the key") {
    const auto source = [](std::string_view text) {
        const auto got = applied(text, "x");
        return got.key.given ? "key" : !got.key_command.empty() ? "command" : "file";
    };
    CHECK(source("[default]\nKEY a\n[x]\nKEY_COMMAND c\n") == std::string{"command"});
    CHECK(source("[default]\nKEY_COMMAND c\n[x]\nKEY a\n") == std::string{"key"});
    CHECK(source("[x]\nKEY a\nKEY_COMMAND c\n") == std::string{"key"});
    CHECK(source("[default]\nKEY_COMMAND c\n[x]\nKEY_FILE f\n") == std::string{"file"});
    CHECK(source("[default]\nKEY_FILE f\n[x]\nKEY_COMMAND c\n") == std::string{"command"});
}
