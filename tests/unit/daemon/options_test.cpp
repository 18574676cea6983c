// SPDX-License-Identifier: Apache-2.0
#include "daemon/options.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <vector>

using namespace fwknop::daemon;

namespace {

using words = std::vector<std::string>;

options parse(const words& arguments) {
    const auto parsed = parse_options(arguments);
    INFO((parsed ? std::string{} : parsed.error().text));
    REQUIRE(parsed.has_value());
    return *parsed;
}

/// The complaint; empty: there is none. Always one line.
std::string complaint(const words& arguments) {
    const auto parsed = parse_options(arguments);
    if (parsed) return {};
    CHECK_FALSE(parsed.error().text.empty());
    CHECK(parsed.error().text.find('\n') == std::string::npos);
    return parsed.error().text;
}

struct text_row {
    const char* name;
    char letter; ///< 0: none
    std::optional<std::string> options::*member;
};

const text_row text_rows[] = {
    {"access-file", 'a', &options::access_file},
    {"access-folder", 0, &options::access_folder},
    {"config-file", 'c', &options::config_file},
    {"config", 0, &options::config_file},
    {"packet-limit", 'C', &options::packet_limit},
    {"digest-file", 'd', &options::digest_file},
    {"gpg-home-dir", 0, &options::gpg_home_dir},
    {"gpg-exe", 0, &options::gpg_exe},
    {"hmac-digest-type", 0, &options::hmac_digest_type},
    {"hmac-key-len", 0, &options::hmac_key_len},
    {"interface", 'i', &options::interface},
    {"key-gen-file", 0, &options::key_gen_file},
    {"key-len", 0, &options::key_len},
    {"locale", 'l', &options::locale},
    {"override-config", 'O', &options::override_config},
    {"pcap-file", 0, &options::pcap_file},
    {"pcap-filter", 'P', &options::pcap_filter},
    {"pid-file", 'p', &options::pid_file},
    {"run-dir", 'r', &options::run_dir},
    {"sudo-exe", 0, &options::sudo_exe},
    {"trial", 0, &options::trial},
};

struct flag_row {
    const char* name;
    char letter;
    bool options::*member;
};

const flag_row flag_rows[] = {
    {"confirm", 0, &options::confirm},
    {"dump-config", 'D', &options::dump_config},
    {"dump-serv-err-codes", 0, &options::dump_serv_err_codes},
    {"exit-parse-config", 0, &options::exit_parse_config},
    {"exit-parse-digest-cache", 0, &options::exit_parse_digest_cache},
    {"foreground", 'f', &options::foreground},
    {"fw-flush", 0, &options::fw_flush},
    {"fw-list", 0, &options::fw_list},
    {"fw-list-all", 0, &options::fw_list_all},
    {"help", 'h', &options::help},
    {"key-gen", 'k', &options::key_gen},
    {"kill", 'K', &options::kill},
    {"no-firewd-check-support", 0, &options::no_firewd_check_support},
    {"no-ipt-check-support", 0, &options::no_ipt_check_support},
    {"pcap-any-direction", 0, &options::pcap_any_direction},
    {"restart", 'R', &options::restart},
    {"rotate-digest-cache", 0, &options::rotate_digest_cache},
    {"status", 'S', &options::status},
    {"syslog-enable", 0, &options::syslog_enable},
    {"test", 't', &options::test},
    {"udp-server", 'U', &options::udp_server},
    {"version", 'V', &options::version},
};

/// How many members differ from what no argument at all gives.
std::ptrdiff_t settings_in(const options& given) {
    std::set<const std::optional<std::string>*> texts;
    for (const auto& row : text_rows) {
        if ((given.*row.member).has_value()) texts.insert(&(given.*row.member));
    }
    return std::count_if(std::begin(flag_rows), std::end(flag_rows),
                         [&](const flag_row& row) { return given.*row.member; }) +
           static_cast<std::ptrdiff_t>(texts.size()) + (given.verbose > 0 ? 1 : 0);
}

std::string short_form(char letter) {
    return {'-', letter};
}

} // namespace

TEST_CASE("no arguments ask for nothing") {
    CHECK(settings_in(parse({})) == 0);
}

TEST_CASE("every option with a value sets its own member and no other") {
    for (const auto& row : text_rows) {
        const std::string long_form = std::string{"--"} + row.name;
        std::vector<words> forms{{long_form, "some value"}, {long_form + "=some value"}};
        if (row.letter != 0) {
            forms.push_back({short_form(row.letter), "some value"});
            forms.push_back({short_form(row.letter) + "some value"});
        }
        for (const auto& form : forms) {
            CAPTURE(form);
            const options given = parse(form);
            CHECK(given.*row.member == "some value");
            CHECK(settings_in(given) == 1);
        }
    }
}

TEST_CASE("every flag sets its own member and no other") {
    for (const auto& row : flag_rows) {
        std::vector<words> forms{{std::string{"--"} + row.name}};
        if (row.letter != 0) forms.push_back({short_form(row.letter)});
        for (const auto& form : forms) {
            CAPTURE(form);
            const options given = parse(form);
            CHECK(given.*row.member);
            CHECK(settings_in(given) == 1);
        }
    }
}

TEST_CASE("the usage text has every option, and no other than these") {
    const std::string usage = usage_text();
    std::set<std::string> known{"verbose"};
    for (const auto& row : text_rows) known.insert(row.name);
    for (const auto& row : flag_rows) known.insert(row.name);
    std::set<std::string> shown;
    for (auto at = usage.find("--"); at != std::string::npos; at = usage.find("--", at + 2)) {
        const auto end = usage.find_first_not_of("abcdefghijklmnopqrstuvwxyz-", at + 2);
        shown.insert(usage.substr(at + 2, end - at - 2));
    }
    known.erase("config"); // another name of --config-file
    shown.erase("config");
    CHECK(shown == known);
}

TEST_CASE("verbose counts") {
    CHECK(parse({"-v"}).verbose == 1);
    CHECK(parse({"-vvv"}).verbose == 3);
    CHECK(parse({"-v", "--verbose", "-vv"}).verbose == 4);
}

TEST_CASE("short options may be joined, the last with its value") {
    const options given = parse({"-fvta/etc/access.conf", "-i", "eth0"});
    CHECK(given.foreground);
    CHECK(given.test);
    CHECK(given.verbose == 1);
    CHECK(given.access_file == "/etc/access.conf");
    CHECK(given.interface == "eth0");
    CHECK(settings_in(given) == 5);
}

TEST_CASE("long options may be cut to any unambiguous prefix") {
    CHECK(parse({"--foregr"}).foreground);
    CHECK(parse({"--access-fi", "/a"}).access_file == "/a");
    CHECK(parse({"--udp"}).udp_server);
    CHECK(parse({"--pcap-filt=x"}).pcap_filter == "x");
}

TEST_CASE("a whole name is no prefix of a longer one") {
    CHECK(settings_in(parse({"--fw-list"})) == 1);
    CHECK(parse({"--fw-list"}).fw_list);
    CHECK(parse({"--key-gen"}).key_gen);
    CHECK(parse({"--config", "/c"}).config_file == "/c");
}

TEST_CASE("of an option given twice the last one counts") {
    CHECK(parse({"-a", "/one", "--access-file=/two"}).access_file == "/two");
    CHECK(parse({"--config=/one", "-c", "/two"}).config_file == "/two");
}

TEST_CASE("values are taken as they are") {
    CHECK(parse({"-P", "udp port 62201"}).pcap_filter == "udp port 62201");
    CHECK(parse({"--pcap-filter=len=5"}).pcap_filter == "len=5");
    CHECK(parse({"-C", "-1"}).packet_limit == "-1"); // refused later, with a reason
}

TEST_CASE("what is wrong with the command line is told in a line that names it") {
    CHECK_THAT(complaint({"--nonsense"}),
               Catch::StartsWith("fwknopd: ") && Catch::Contains("--nonsense"));
    CHECK_THAT(complaint({"-f", "-Z"}), Catch::Contains("-Z"));
    CHECK_THAT(complaint({"--access-file"}), Catch::Contains("--access-file"));
    CHECK_THAT(complaint({"-a"}), Catch::StartsWith("fwknopd: ") && Catch::Contains("access-file"));
    CHECK_THAT(complaint({"--access-file="}), Catch::Contains("--access-file"));
    CHECK_THAT(complaint({"--access-f", "/a", "--acc", "/b"}), Catch::Contains("--acc"));
    CHECK_THAT(complaint({"--pcap-fil", "x"}), Catch::Contains("--pcap-fil"));
    CHECK_THAT(complaint({"--foreground=yes"}), Catch::Contains("--foreground"));
    CHECK_THAT(complaint({"-f", "extra"}), Catch::StartsWith("fwknopd: "));
    CHECK_THAT(complaint({"-f", "--", "extra"}), Catch::StartsWith("fwknopd: "));
    CHECK_THAT(complaint({"-v3"}), Catch::StartsWith("fwknopd: "));
}

TEST_CASE("of dump, kill, restart and status only one can be had") {
    const words four{"-D", "-K", "-R", "-S"};
    for (std::size_t i = 0; i < four.size(); ++i) {
        CHECK(complaint({"--confirm", four[i]}) ==
              "--confirm is of no use together with -D, -K, -R or -S.");
        CHECK(complaint({four[i]}).empty());
        CHECK(complaint({four[i], four[i]}).empty());
        for (std::size_t j = 0; j < four.size(); ++j) {
            if (i == j) continue;
            CHECK(complaint({four[i], "-f", four[j]}) ==
                  "The -D, -K, -R, and -S options are mutually exclusive.  Pick only one.");
        }
    }
}
