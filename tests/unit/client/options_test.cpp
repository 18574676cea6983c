// SPDX-License-Identifier: Apache-2.0
#include "arguments.hpp"
#include "checked_string.hpp"
#include "client/options.hpp"
#include "client/rc_file.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>
#include <set>

using namespace fwknop;
using namespace fwknop::client;
using test::arguments;

namespace {

settings applied(std::vector<std::string> words) {
    const arguments given{std::move(words)};
    const auto line = command_line::parse(given.argv());
    REQUIRE(line);
    settings to;
    const auto done = line->apply(to);
    INFO((done ? "" : done.error().text));
    REQUIRE(done);
    return to;
}

std::string refusal(std::vector<std::string> words) {
    const arguments given{std::move(words)};
    const auto line = command_line::parse(given.argv());
    if (!line) return line.error().text;
    settings to;
    const auto done = line->apply(to);
    return done ? "accepted" : done.error().text;
}

struct effect {
    std::string option; ///< long name, for the check that no row is forgotten
    std::vector<std::string> words;
    std::function<bool(const settings&)> holds;
};

const std::vector<effect>& effects() {
    using s = const settings&;
    static const std::vector<effect> rows{
        {"named-config", {"-n", "x"}, [](s v) { return v.stanza == "x"; }},
        {"access", {"-A", "tcp/22"}, [](s v) { return v.access == "tcp/22"; }},
        {"allow-ip",
         {"-a", "192.0.2.1"},
         [](s v) {
             return v.allow == "192.0.2.1" && v.allow_source == allow_from::address_or_name;
         }},
        {"source-ip", {"-s"}, [](s v) { return v.allow_source == allow_from::source; }},
        {"resolve-ip-https", {"-R"}, [](s v) { return v.resolve; }},
        {"resolve-ip-http", {"--resolve-ip-http"}, [](s v) { return v.resolve; }},
        {"destination", {"-D", "h"}, [](s v) { return v.destination == "h"; }},
        {"server-cmd", {"-C", "id -u"}, [](s v) { return v.command == "id -u"; }},
        {"fw-timeout", {"-f", "65536"}, [](s v) { return v.timeout == 65536; }},
        {"nat-access", {"-N", "10.0.0.5:22"}, [](s v) { return v.nat_access == "10.0.0.5:22"; }},
        {"nat-local", {"--nat-local"}, [](s v) { return v.nat_local; }},
        {"nat-port", {"--nat-port", "65535"}, [](s v) { return v.nat_port == 65535; }},
        {"nat-rand-port", {"--nat-rand-port"}, [](s v) { return v.nat_random_port; }},
        {"spoof-user", {"-U", "me"}, [](s v) { return v.user == "me"; }},
        {"time-offset-plus",
         {"--time-offset-plus", "5min"},
         [](s v) { return v.time_offset == 300; }},
        {"time-offset-minus",
         {"--time-offset-minus", "2hours"},
         [](s v) { return v.time_offset == -7200; }},
        {"server-port", {"-p", "65535"}, [](s v) { return v.port == 65535; }},
        {"server-proto", {"-P", "tcp"}, [](s v) { return v.protocol == carrier::tcp; }},
        {"source-port", {"-S", "1"}, [](s v) { return v.source_port == 1; }},
        {"rand-port", {"-r"}, [](s v) { return v.random_port; }},
        {"ipv4", {"-4"}, [](s v) { return v.family == family_choice::v4_only; }},
        {"ipv6", {"-6"}, [](s v) { return v.family == family_choice::v6_only; }},
        {"server-resolve-ipv4",
         {"--server-resolve-ipv4"},
         [](s v) { return v.family == family_choice::v4_only; }},
        {"resolve-url",
         {"--resolve-url", "https://a/"},
         [](s v) { return v.resolve && v.resolve_url == "https://a/"; }},
        {"resolve-http-only",
         {"--resolve-http-only"},
         [](s v) { return v.resolve_http_only && v.resolve; }},
        {"spoof-source",
         {"-Q", "192.0.2.9"},
         [](s v) { return v.spoof_source == ip_address::parse("192.0.2.9"); }},
        {"spoof-src",
         {"--spoof-src=2001:db8::9"},
         [](s v) { return v.spoof_source == ip_address::parse("2001:db8::9"); }},
        {"icmp-type", {"--icmp-type", "40"}, [](s v) { return v.icmp_type == 40; }},
        {"icmp-code", {"--icmp-code", "15"}, [](s v) { return v.icmp_code == 15; }},
        {"http-proxy",
         {"-H", "proxy:8080"},
         [](s v) { return v.http_proxy == "proxy:8080" && v.protocol == carrier::http; }},
        {"user-agent", {"-u", "x"}, [](s v) { return v.user_agent == "x"; }},
        {"use-wget-user-agent", {"--use-wget-user-agent"}, [](s v) { return v.wget_user_agent; }},
        {"wget-cmd", {"-w", "/bin/wget"}, [](s v) { return v.wget_command == "/bin/wget"; }},
        {"wait", {"--wait=7"}, [](s v) { return v.wait == 7U; }},
        {"gpg-encryption", {"-g"}, [](s v) { return v.use_gpg; }},
        {"gpg-recipient-key",
         {"--gpg-recipient-key", "k"},
         [](s v) { return v.use_gpg && v.gpg_recipient == "k"; }},
        {"gpg-recipient",
         {"--gpg-recipient", "k"},
         [](s v) { return v.use_gpg && v.gpg_recipient == "k"; }},
        {"gpg-signer-key",
         {"--gpg-signer-key", "k"},
         [](s v) { return v.use_gpg && v.gpg_signer == "k"; }},
        {"gpg-home-dir",
         {"--gpg-home-dir", "d"},
         [](s v) { return v.use_gpg && v.gpg_home_dir == "d"; }},
        {"gpg-exe", {"--gpg-exe", "f"}, [](s v) { return v.use_gpg && v.gpg_exe == "f"; }},
        {"gpg-agent", {"--gpg-agent"}, [](s v) { return v.use_gpg && v.gpg_agent; }},
        {"gpg-no-signing-pw",
         {"--gpg-no-signing-pw"},
         [](s v) { return v.use_gpg && v.gpg_no_password; }},
        {"get-key", {"-G", "f"}, [](s v) { return v.key_file == "f"; }},
        {"get-hmac-key",
         {"--get-hmac-key", "f"},
         [](s v) { return v.hmac_key_file == "f" && v.hmac_wanted(); }},
        {"stdin", {"--stdin"}, [](s v) { return v.key_descriptor == 0; }},
        {"fd", {"--fd", "7"}, [](s v) { return v.key_descriptor == 7; }},
        {"key-rijndael",
         {"--key-rijndael", "abc"},
         [](s v) { return v.key.given && v.key.key.text() == "abc" && !v.hmac_wanted(); }},
        {"key-base64-rijndael",
         {"--key-base64-rijndael", "YWJj"},
         [](s v) { return v.key.given && v.key.key.text() == "abc"; }},
        {"key-hmac",
         {"--key-hmac", "abc"},
         [](s v) { return v.hmac_key.key.text() == "abc" && v.hmac_wanted(); }},
        {"key-base64-hmac",
         {"--key-base64-hmac=YWJj"},
         [](s v) { return v.hmac_key.key.text() == "abc" && v.hmac_wanted(); }},
        {"use-hmac", {"--use-hmac"}, [](s v) { return v.hmac_wanted(); }},
        {"hmac-digest-type",
         {"--hmac-digest-type", "sha3_512"},
         [](s v) { return v.hmac_digest == digest_type::sha3_512 && v.hmac_wanted(); }},
        {"digest-type", {"-m", "MD5"}, [](s v) { return v.digest == digest_type::md5; }},
        {"encryption-mode", {"-M", "ctr"}, [](s v) { return v.mode == encryption_mode::ctr; }},
        {"key-gen", {"-k"}, [](s v) { return v.key_gen; }},
        {"key-gen-file", {"-K", "f"}, [](s v) { return v.key_gen && v.key_gen_file == "f"; }},
        {"key-len", {"--key-len", "32"}, [](s v) { return v.key_size == 32U; }},
        {"hmac-key-len",
         {"--hmac-key-len", "128"},
         [](s v) { return v.hmac_key_size == 128U && v.hmac_wanted(); }},
        {"rc-file", {"--rc-file", "f"}, [](s v) { return v.rc_file == "f"; }},
        {"no-rc-file", {"--no-rc-file"}, [](s v) { return v.no_rc_file; }},
        {"no-home-dir", {"--no-home-dir"}, [](s v) { return v.no_home_dir; }},
        {"stanza-list", {"--stanza-list"}, [](s v) { return v.stanza_list; }},
        {"save-rc-stanza", {"--save-rc-stanza"}, [](s v) { return v.save_stanza; }},
        {"force-stanza", {"--force-stanza"}, [](s v) { return v.force_stanza; }},
        {"save-args-file", {"-E", "f"}, [](s v) { return v.args_file == "f"; }},
        {"no-save-args", {"--no-save-args"}, [](s v) { return v.no_save_args; }},
        {"last-cmd", {"-l"}, [](s v) { return v.last_command; }},
        {"show-last", {"--show-last"}, [](s v) { return v.show_last; }},
        {"save-packet", {"-B", "f"}, [](s v) { return v.save_packet == "f"; }},
        {"save-packet-append", {"-b"}, [](s v) { return v.save_packet_append; }},
        {"test", {"-T"}, [](s v) { return v.test; }},
        {"verbose", {"-vvv"}, [](s v) { return v.verbose == 3; }},
        {"version", {"-V"}, [](s v) { return v.version; }},
        {"help", {"-h"}, [](s v) { return v.help; }},
    };
    return rows;
}

} // namespace

TEST_CASE("every option has its effect") {
    for (const auto& row : effects()) {
        INFO(row.option);
        CHECK(row.holds(applied(row.words)));
        CHECK_FALSE(row.holds(settings{}));
    }
}

TEST_CASE("no row of the option table is without a test") {
    std::set<std::string, std::less<>> tested;
    for (const auto& row : effects()) tested.insert(row.option);
    for (const auto& row : option_table()) {
        INFO(row.name);
        CHECK(tested.count(row.name) == 1);
    }
}

TEST_CASE("every carrier has its name") {
    for (const auto each : {carrier::udp, carrier::tcp, carrier::http, carrier::udp_raw,
                            carrier::tcp_raw, carrier::icmp})
        CHECK(applied({"-P", name_of(each)}).protocol == each);
    CHECK(refusal({"-P", "sctp"}) ==
          "Unrecognized protocol: sctp, use {udp,tcp,http,udpraw,tcpraw,icmp}");
}

TEST_CASE("option --wait takes its seconds or none") {
    CHECK(applied({"--wait"}).wait == default_wait);
    CHECK(applied({"--wait", "--verbose"}).wait == default_wait);
    CHECK(applied({"--wait", "9"}).wait == 9U);
    CHECK(refusal({"--wait=0"}) == "--wait must be within [1-3600], not '0'");
    CHECK(refusal({"--wait=x"}) == "--wait must be within [1-3600], not 'x'");
}

TEST_CASE("asymmetric mode is GPG") {
    CHECK(applied({"-M", "Asymmetric"}).use_gpg);
}

TEST_CASE("names and letters are unique") {
    std::set<std::string_view> names;
    std::set<char> letters;
    for (const auto& row : option_table()) {
        CHECK(names.insert(row.name).second);
        if (row.letter != 0) CHECK(letters.insert(row.letter).second);
    }
}

TEST_CASE("numbers outside their range are refused by name") {
    struct limit {
        std::string option, low, high, below, above;
    };
    const std::vector<limit> limits{
        {"--fw-timeout", "0", "65536", "-1", "65537"},
        {"--icmp-type", "0", "40", "-1", "41"},
        {"--icmp-code", "0", "15", "-1", "16"},
        {"--server-port", "0", "65535", "-1", "65536"},
        {"--source-port", "0", "65535", "-1", "65536"},
        {"--nat-port", "0", "65535", "-1", "65536"},
        {"--key-len", "1", "32", "0", "33"},
        {"--hmac-key-len", "1", "128", "0", "129"},
    };
    for (const auto& [option, low, high, below, above] : limits) {
        INFO(option);
        CHECK(refusal({option, low}) == "accepted");
        CHECK(refusal({option, high}) == "accepted");
        for (const auto& bad : {below, above, std::string{"12a"}, std::string{""}})
            CHECK(refusal({option, bad}) ==
                  option + " must be within [" + low + "-" + high + "], not '" + bad + "'");
    }
}

TEST_CASE("time offsets have units with names") {
    CHECK(applied({"--time-offset-plus", "60"}).time_offset == 60);
    CHECK(applied({"--time-offset-plus", "60seconds"}).time_offset == 60);
    CHECK(applied({"--time-offset-plus", "1days"}).time_offset == 86400);
    CHECK(applied({"--time-offset-plus", "65536"}).time_offset == 65536);
    CHECK(applied({"--time-offset-minus", "5min"}).time_offset == -300);
    CHECK(applied({"--time-offset-plus", "-5"}).time_offset == -5);
    for (const auto* const bad : {"65537", "foo", "", "5x", "min", "-", "5 min"})
        CHECK(refusal({"--time-offset-plus", bad}).rfind("Invalid time offset: ", 0) == 0);
}

TEST_CASE("values with known texts of refusal") {
    CHECK(refusal({"-m", "foo"}) ==
          "* Invalid digest type: foo, use {md5,sha1,sha256,sha384,sha512,sha3_256,sha3_512}");
    CHECK(refusal({"--hmac-digest-type", "foo"}) ==
          "* Invalid hmac digest type: foo, use "
          "{md5,sha1,sha256,sha384,sha512,sha3_256,sha3_512}");
    for (const std::string bad : {"foo", "PCBC", "pcbc"})
        CHECK(refusal({"-M", bad}) ==
              "* Invalid encryption mode: " + bad + ", use {CBC,CTR,legacy,Asymmetric}");
    CHECK(refusal({"-P", "foo"}).rfind("Unrecognized protocol: foo", 0) == 0);
    for (const auto* const bad :
         {"1.2.3.256", "1.2.3", "01.2.3.4", "", "a b", "g::1", "1.2.3.4,tcp/1"})
        CHECK(refusal({"-a", bad}).rfind("Invalid allow IP specified for SPA access", 0) == 0);
    CHECK(refusal({"-a", "2001:db8::7"}) == "accepted");
    CHECK(refusal({"-a", "host.example"}) == "accepted");
}

TEST_CASE("broken keys are refused without being shown") {
    CHECK(refusal({"--key-base64-rijndael", "!secret!"}) ==
          "Base64 encoded Rijndael argument doesn't look like base64-encoded data.");
    CHECK(refusal({"--key-base64-hmac", "!secret!"}) ==
          "Base64 encoded HMAC argument doesn't look like base64-encoded data.");
    CHECK(refusal({"--key-base64-hmac", std::string(171, 'a')}) == "accepted"); // 128 bytes
    CHECK(refusal({"--key-base64-hmac", std::string(172, 'a')}) ==
          "[*] Invalid decoded key length: '129', must be in [1,128]");
    CHECK(applied({"--key-hmac", std::string(129, 'a')}).hmac_key.key.size() == 128);
}

TEST_CASE("a plain key wins over a base64 one, in either order") {
    CHECK(applied({"--key-rijndael", "p", "--key-base64-rijndael", "YWJj"}).key.key.text() == "p");
    CHECK(applied({"--key-base64-rijndael", "YWJj", "--key-rijndael", "p"}).key.key.text() == "p");
}

TEST_CASE("options are read as getopt_long reads them") {
    CHECK(applied({"--acces", "tcp/22"}).access == "tcp/22");
    CHECK(applied({"--access=tcp/22"}).access == "tcp/22");
    CHECK(applied({"-Atcp/22"}).access == "tcp/22");
    CHECK(applied({"-Tv", "-v"}).verbose == 2);
    CHECK(applied({"-TvA", "tcp/22"}).access == "tcp/22");
    CHECK(applied({"--key-gen"}).key_gen); // also a prefix of --key-gen-file
    CHECK(applied({"-A", "tcp/1", "-A", "tcp/2"}).access == "tcp/2");
    CHECK(applied({"word", "-A", "tcp/1", "word"}).access == "tcp/1");
    CHECK(applied({"-C", ""}).command.empty());
    CHECK(refusal({"--bogus"}) == "fwknop: unrecognized option '--bogus'");
    CHECK(refusal({"--key-b", "x"})
              .find("is ambiguous; possibilities: '--key-base64-hmac' "
                    "'--key-base64-rijndael'") != std::string::npos);
    CHECK(refusal({"-A"}).find("--access") != std::string::npos);
    CHECK(refusal({"--test=yes"}).find("test") != std::string::npos);
}

TEST_CASE("the last of -a and -s wins") {
    CHECK(applied({"-s", "-a", "192.0.2.1"}).allow == "192.0.2.1");
    CHECK(applied({"-a", "192.0.2.1", "-s"}).allow_source == allow_from::source);
}

TEST_CASE("the usage text names every listed option and fits a terminal") {
    const auto text = usage();
    for (const auto& row : option_table())
        if (!row.help.empty()) CHECK(text.find("--" + std::string{row.name}) != std::string::npos);
    std::size_t begin = 0;
    while (begin < text.size()) {
        const auto end = text.find('\n', begin);
        CHECK(end - begin <= 80);
        begin = end + 1;
    }
}

TEST_CASE("the directives of a command line are in the order of the table, the last ones win") {
    const auto lines = [](std::vector<std::string> words) {
        const arguments given{std::move(words)};
        const auto entries = command_line::parse(given.argv())->directives();
        if (!entries) return entries.error().text;
        std::string text;
        for (const auto& each : *entries)
            text += std::string{each.name} + "=" + std::string{each.value.text()} + " ";
        return text;
    };
    CHECK(lines({"-T", "-C", "id", "-n", "x"}).empty());
    CHECK(lines({"-D", "h", "-a", "192.0.2.1", "-s", "-A", "tcp/1", "--key-rijndael", "abc"}) ==
          "ACCESS=tcp/1 ALLOW_IP=source SPA_SERVER=h KEY=abc ");
    CHECK(lines({"-s", "-a", "192.0.2.1"}) == "ALLOW_IP=192.0.2.1 ");
    CHECK(lines({"--time-offset-minus", "5min"}) == "TIME_OFFSET=-5min ");
    CHECK(lines({"--time-offset-minus", "-5"}) == "TIME_OFFSET=5 ");
    CHECK(lines({"--gpg-recipient", "a", "-g"}) == "USE_GPG=Y GPG_RECIPIENT=a ");
    CHECK(lines({"--gpg-recipient", "a"}) == "GPG_RECIPIENT=a USE_GPG=Y ");
    CHECK(lines({"-v"}) == "VERBOSE=Y ");
    CHECK(lines({"-vv", "-v", "-r", "-4"}) == "RAND_PORT=Y SERVER_RESOLVE_IPV4=Y VERBOSE=3 ");
    CHECK(lines({"-U", "a b"}).rfind("--save-rc-stanza: the value of --spoof-user cannot", 0) == 0);
    const auto key = lines({"--key-hmac", "se#cret"});
    CHECK(key.find("--key-hmac") != std::string::npos);
    CHECK(key.find("cret") == std::string::npos);
}

TEST_CASE("every directive of the option table exists") {
    const auto known = directive_names();
    for (const auto& row : option_table()) {
        INFO(row.name);
        CHECK((row.directive.empty() ||
               std::find(known.begin(), known.end(), row.directive) != known.end()));
    }
}
