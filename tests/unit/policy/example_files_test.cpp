// SPDX-License-Identifier: Apache-2.0
#include "access_fixture.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>
#include <string>

using namespace fwknop;

// The files under etc/ are what people start from.

namespace {

std::string text_of(const std::string& name) {
    std::ifstream file{std::string{FWKNOP_SOURCE_DIR} + "/etc/" + name};
    REQUIRE(file);
    std::string text{std::istreambuf_iterator<char>{file}, {}};
    REQUIRE_FALSE(text.empty());
    return text;
}

/// Uncomments every line that is a directive: `#NAME   value`.
std::string uncommented(const std::string& text) {
    std::string changed = text;
    for (std::size_t at = 0; at != std::string::npos; at = changed.find('\n', at + 1)) {
        const auto hash = changed[at] == '\n' ? at + 1 : at;
        if (hash + 1 < changed.size() && changed[hash] == '#' && changed[hash + 1] >= 'A' &&
            changed[hash + 1] <= 'Z') {
            changed.erase(hash, 1);
        }
    }
    return changed;
}

} // namespace

TEST_CASE("the example fwknopd.conf loads and changes nothing") {
    server_config config;
    diagnostics report;
    REQUIRE(parse_server_config("fwknopd.conf", text_of("fwknopd.conf"), config, report));
    REQUIRE(finish_server_config(config, report));
    CHECK(report.all().empty());
    server_config plain;
    REQUIRE(finish_server_config(plain, report));
    CHECK(dump(config) == dump(plain));
}

TEST_CASE("what the example fwknopd.conf shows as defaults are the defaults") {
    server_config config;
    diagnostics report;
    const auto text = uncommented(text_of("fwknopd.conf"));
    REQUIRE(text.find("\nPCAP_INTF ") != std::string::npos);
    REQUIRE(parse_server_config("fwknopd.conf", text, config, report));
    REQUIRE(finish_server_config(config, report));
    CHECK(report.all().empty());
    server_config plain;
    REQUIRE(finish_server_config(plain, report));
    for (const auto* const name :
         {"PCAP_INTF", "PCAP_FILTER", "MAX_SNIFF_BYTES", "UDPSERV_PORT", "MAX_SPA_PACKET_AGE",
          "IPT_SNAT_ACCESS", "DIGEST_FILE", "ACCESS_FILE", "SYSLOG_FACILITY"}) {
        CAPTURE(name);
        CHECK(config.is_explicit(name));
        CHECK(config.setting_of(name).text == plain.setting_of(name).text);
    }
}

TEST_CASE_METHOD(access_fixture, "the example access.conf waits for its keys only") {
    server.ipt_forwarding = true; // for what is uncommented below
    const auto text = text_of("access.conf");
    parse(text);
    CHECK(error().starts_with("[*] KEY_BASE64 value is not properly set in stanza source 'ANY'"));

    auto with_keys = text;
    const std::string placeholder = "__CHANGEME__\n";
    with_keys.replace(with_keys.find(placeholder), placeholder.size(), "c2VjcmV0\n");
    with_keys.replace(with_keys.find(placeholder), placeholder.size(), "aG1hYw==\n");
    parse(with_keys);
    CHECK(error().empty());
    REQUIRE(stanzas.size() == 1);
    CHECK(stanzas[0].hmac);
}
