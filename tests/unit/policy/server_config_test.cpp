// SPDX-License-Identifier: Apache-2.0
#include "core/policy/server_config.hpp"
#include "core/policy/server_directives.hpp"

#include <catch2/catch.hpp>

#include <set>
#include <string>
#include <vector>

using namespace fwknop;

namespace {

struct reading {
    server_config config;
    diagnostics report;
    bool good = false;

    explicit reading(const std::string& text) {
        good =
            parse_server_config("/c", text, config, report) && finish_server_config(config, report);
    }
    [[nodiscard]] std::string error() const {
        return report.failed() ? report.first_error()->to_string() : "";
    }
    [[nodiscard]] std::string warning() const {
        return report.all().empty() ? "" : report.all().front().to_string();
    }
};

} // namespace

TEST_CASE("an empty file gives the defaults") {
    const reading it{""};
    REQUIRE(it.good);
    CHECK(it.report.all().empty());
    const auto& config = it.config;
    CHECK(config.pcap_interfaces == std::vector<std::string>{"eth0"});
    CHECK(config.pcap_filter == "udp port 62201");
    CHECK(config.pcap_dispatch_count == 100);
    CHECK(config.max_sniff_bytes == 1500);
    CHECK(config.exit_at_interface_down);
    CHECK_FALSE(config.pcap_promisc);
    CHECK_FALSE(config.pcap_any_direction);
    CHECK(config.packet_aging);
    CHECK(config.max_packet_age == 120);
    CHECK(config.digest_persistence);
    CHECK(config.rules_check_threshold == 20);
    CHECK(config.cmd_exec_timeout == 30);
    CHECK(config.tcp_server_port == 62201);
    CHECK(config.udp_server_port == 62201);
    CHECK(config.syslog_facility == "LOG_DAEMON");
    CHECK(config.nat_dns);
    CHECK(config.flush_ipt_at_init);
    CHECK(config.flush_ipt_at_exit);
    CHECK(config.ipt_input == chain_spec{"ACCEPT", "filter", "INPUT", 1, "FWKNOP_INPUT", 1});
    CHECK(config.ipt_masquerade ==
          chain_spec{"MASQUERADE", "nat", "POSTROUTING", 1, "FWKNOP_MASQUERADE", 1});
    CHECK(config.firewall_backend == "auto");
    CHECK(config.access_file == "/etc/fwknop/access.conf");
    CHECK(config.pid_file == "/run/fwknop/fwknopd.pid");
    CHECK(config.digest_file == "/run/fwknop/digest.cache");
    CHECK(config.verbose == 0);
}

TEST_CASE("every directive reaches its member, and its default is what the member had") {
    std::set<std::string_view> names;
    for (const auto& directive : server_directives()) {
        CAPTURE(directive.name);
        CHECK(names.insert(directive.name).second);
        CHECK_FALSE(directive.sentence.empty());
        server_config config;
        diagnostics report;
        const std::string name{directive.name};
        const auto set = [&](const std::string& value) {
            REQUIRE(parse_server_config("/c", name + " " + value + ";", config, report));
            CHECK(config.is_explicit(name));
            CHECK(config.setting_of(name).text == value);
        };
        if (const auto* flag = std::get_if<bool server_config::*>(&directive.member)) {
            CHECK(config.**flag ==
                  (directive.default_text.empty() ? config.**flag : directive.default_text == "Y"));
            set("Y");
            CHECK(config.**flag);
            set("N");
            CHECK_FALSE(config.**flag);
        } else if (const auto* sticky = std::get_if<on_unless_no>(&directive.member)) {
            CHECK(config.*sticky->member);
            set("no");
            CHECK_FALSE(config.*sticky->member);
            set("whatever");
            CHECK(config.*sticky->member);
        } else if (const auto* number =
                       std::get_if<std::uint32_t server_config::*>(&directive.member)) {
            set(std::to_string(directive.range.low));
            CHECK(config.**number == directive.range.low);
            set(std::to_string(directive.range.high));
            CHECK(config.**number == directive.range.high);
        } else if (const auto* text =
                       std::get_if<std::string server_config::*>(&directive.member)) {
            set("some text");
            CHECK(config.**text == "some text");
        } else if (const auto* list =
                       std::get_if<std::vector<std::string> server_config::*>(&directive.member)) {
            set("one, two");
            CHECK(config.**list == std::vector<std::string>{"one", "two"});
        } else {
            const auto chain = std::get<chain_spec server_config::*>(directive.member);
            set("A, b, C, 5, D, 6");
            CHECK(config.*chain == chain_spec{"A", "b", "C", 5, "D", 6});
        }
    }
}

TEST_CASE("the last value wins, and its origin is known") {
    server_config config;
    diagnostics report;
    CHECK(config.setting_of("VERBOSE").origin == value_origin::built_in);
    CHECK_FALSE(config.is_explicit("MAX_SPA_PACKET_AGE"));
    REQUIRE(
        parse_server_config("/c", "MAX_SPA_PACKET_AGE 5;\nMAX_SPA_PACKET_AGE 6;", config, report));
    CHECK(config.max_packet_age == 6);
    CHECK(config.setting_of("MAX_SPA_PACKET_AGE").line == 2);
    REQUIRE(parse_server_config("/override", "\nMAX_SPA_PACKET_AGE 7;", config, report));
    CHECK(config.max_packet_age == 7);
    CHECK(config.setting_of("MAX_SPA_PACKET_AGE").where == "/override");
    REQUIRE(set_server_option("PCAP_INTF", "lo", "--interface", config, report));
    CHECK(config.pcap_interfaces == std::vector<std::string>{"lo"});
    CHECK(config.setting_of("PCAP_INTF").origin == value_origin::option);
    CHECK(config.setting_of("PCAP_INTF").where == "--interface");
    REQUIRE(finish_server_config(config, report));
    CHECK(config.setting_of("DIGEST_FILE").origin == value_origin::dependent);
    CHECK_FALSE(config.is_explicit("DIGEST_FILE"));
}

TEST_CASE("an error of an option names the option") {
    server_config config;
    diagnostics report;
    CHECK_FALSE(set_server_option("VERBOSE", "loud", "--verbose", config, report));
    CHECK(report.first_error()->to_string() ==
          "--verbose: [*] var VERBOSE value 'loud' not in the range 0-8388608");
    diagnostics later;
    REQUIRE(set_server_option("FWKNOP_RUN_DIR", "run", "--run-dir", config, later));
    CHECK_FALSE(finish_server_config(config, later));
    CHECK(later.first_error()->to_string().starts_with("--run-dir: Path 'run' is not absolute."));
}

TEST_CASE("files follow their folders unless they are named") {
    const reading moved{"FWKNOP_RUN_DIR /r;\nFWKNOP_CONF_DIR /e;"};
    CHECK(moved.config.pid_file == "/r/fwknopd.pid");
    CHECK(moved.config.digest_file == "/r/digest.cache");
    CHECK(moved.config.digest_db_file == "/r/digest_db.cache");
    CHECK(moved.config.access_file == "/e/access.conf");
    const reading named{
        "FWKNOP_RUN_DIR /r;\nDIGEST_FILE /d;\nACCESS_FILE /a;\nFWKNOP_PID_FILE /p;"};
    CHECK(named.config.digest_file == "/d");
    CHECK(named.config.access_file == "/a");
    CHECK(named.config.pid_file == "/p");
}

TEST_CASE("a value may begin with another directive's value") {
    const reading it{"FWKNOP_RUN_DIR /r;\nDIGEST_FILE $FWKNOP_RUN_DIR/x/$FOO;"};
    CHECK(it.config.digest_file == "/r/x/$FOO");
    CHECK(reading{"DIGEST_FILE $FWKNOP_RUN_DIR/x;"}.config.digest_file == "/run/fwknop/x");
    CHECK(reading{"LOCALE a$FWKNOP_RUN_DIR;"}.config.locale == "a$FWKNOP_RUN_DIR");
    for (const std::string value : {"$NOSUCH/x", "$", "$/x", "$LOCALE", "$DIGEST_FILE"}) {
        CAPTURE(value);
        const reading bad{"SYSLOG_IDENTITY " + value + ";"};
        CHECK(bad.good);
        CHECK(bad.config.syslog_identity == "fwknopd");
        CHECK(bad.warning().starts_with("[*] Invalid embedded variable in: '" + value + "'"));
        CHECK(bad.warning().ends_with("(/c:1)"));
    }
}

TEST_CASE("unknown names and missing values are warnings") {
    const reading unknown{"\nBOGUS 12;\nVERBOSE 3;"};
    CHECK(unknown.good);
    CHECK(unknown.warning() ==
          "[*] Ignoring unknown configuration parameter: 'BOGUS' in /c (/c:2)");
    CHECK(unknown.config.verbose == 3);
    CHECK(reading{"verbose 3;"}.warning().find("'verbose'") != std::string::npos);
    CHECK(reading{"VERBOSE: 3;"}.warning().find("'VERBOSE:'") != std::string::npos);
    CHECK(reading{"VERBOSE = 3;"}.error().find("'= 3'") != std::string::npos);
    const reading empty{"LOCALE  ;"};
    CHECK(empty.good);
    CHECK(empty.warning().starts_with("*Invalid config file entry in /c at line 1."));
    CHECK(reading{"MAX_SPA_PACKET_AGE;"}.config.max_packet_age == 120);
}

TEST_CASE("chains are checked where they are read") {
    const reading it{"\nIPT_INPUT_ACCESS ACCEPT, filter, INPUT, 1, FWKNOP_INPUT;"};
    CHECK_FALSE(it.good);
    CHECK(it.error().starts_with(
        "Invalid IPT_INPUT_ACCESS specification, see fwknopd.conf comments: "));
    CHECK(it.error().ends_with("(/c:2)"));
}

TEST_CASE("interfaces are a list or any") {
    CHECK(reading{"PCAP_INTF eth1 , lo;"}.config.pcap_interfaces ==
          std::vector<std::string>{"eth1", "lo"});
    CHECK(reading{"PCAP_INTF any;"}.good);
    CHECK_FALSE(reading{"PCAP_INTF any,lo;"}.good);
    CHECK_FALSE(reading{"PCAP_INTF lo,;"}.good);
}

TEST_CASE("what is wrong only in company is found at the end") {
    const auto [text, words] = GENERATE(table<std::string, std::string>({
        {"SYSLOG_FACILITY LOG_FOO;", "Invalid SYSLOG_FACILITY setting 'LOG_FOO'"},
        {"SYSLOG_FACILITY LOG_LOCAL8;", "Invalid SYSLOG_FACILITY setting 'LOG_LOCAL8'"},
        {"ENABLE_NFQ_CAPTURE Y;", "ENABLE_NFQ_CAPTURE is not supported by this fwknopd"},
        {"FWKNOP_RUN_DIR run;", "Path 'run' is not absolute."},
        {"FIREWALL_BACKEND ebtables;", "Invalid FIREWALL_BACKEND setting 'ebtables'"},
        {"NFT_MODE shield;", "Invalid NFT_MODE setting 'shield'"},
        {"PROTECT_PORTS icmp/1;", "PROTECT_PORTS: [*] Invalid protocol"},
        {"PROTECT_PORTS tcp/0-9;", "PROTECT_PORTS 'tcp/0-9': no packet goes to port 0"},
        {"PROTECT_PORTS tcp/22;\nNFT_TABLE my-table;", "NFT_TABLE: 'my-table' is no name for"},
        {"PROTECT_PORTS tcp/22;\nNFT_TABLE 1st;", "NFT_TABLE: '1st' is no name for nftables"},
        {"NFT_INPUT_ACCESS filter, input;",
         "NFT_INPUT_ACCESS: 'filter, input' is not family, table, chain, like inet, filter"},
        {"NFT_INPUT_ACCESS arp, filter, input;",
         "NFT_INPUT_ACCESS: 'arp' is no family of tables, need inet, ip or ip6"},
        {"NFT_INPUT_ACCESS inet, filter, in{put;", "NFT_INPUT_ACCESS: 'in{put' is no name"},
        {"FIREWALL_BACKEND nftables;", "NFT_MODE protect hides the ports of PROTECT_PORTS, and "
                                       "there are none: say which, like PROTECT_PORTS tcp/22;"},
        {"NFT_TABLE knocks;", "NFT_MODE protect hides the ports of PROTECT_PORTS, and there are"},
        {"NFT_MODE chain;", "NFT_MODE chain needs to know the base chain"},
        {"NFT_MODE chain;\nNFT_INPUT_ACCESS inet, filter, input;\nENABLE_IPT_LOCAL_NAT Y;",
         "NFT_MODE chain opens this host itself and translates nothing: for NAT, set NFT_MODE"},
        {"FIREWALL_BACKEND iptables;\nPROTECT_PORTS tcp/22;",
         "PROTECT_PORTS is for nftables, and FIREWALL_BACKEND is iptables: remove one of them"},
        {"NFT_MODE sets;\nFIREWALL_BACKEND none;",
         "NFT_MODE is for nftables, and FIREWALL_BACKEND is none: remove one of them"},
        {"ENABLE_IPT_SNAT Y; \nSNAT_TRANSLATE_IP foo;", "Invalid IPv4 addr for SNAT_TRANSLATE_IP"},
        {"ENABLE_IPT_SNAT Y; \nSNAT_TRANSLATE_IP ::1;", "Invalid IPv4 addr for SNAT_TRANSLATE_IP"},
        {"ENABLE_IPT_FORWARDING Y;\n"
         "IPT_FORWARD_ACCESS ACCEPT, filter, FORWARD, 1, FWKNOP_INPUT, 1;",
         "IPT_FORWARD_ACCESS: its to-chain 'FWKNOP_INPUT' is that of IPT_INPUT_ACCESS; name"},
        {"ENABLE_IPT_LOCAL_NAT Y;\n"
         "IPT_DNAT_ACCESS DNAT, nat, PREROUTING, 1, FWKNOP_POSTROUTING, 1;",
         "IPT_SNAT_ACCESS: its to-chain 'FWKNOP_POSTROUTING' is that of IPT_DNAT_ACCESS; name"},
        {"ENABLE_IPT_LOCAL_NAT Y;\n"
         "IPT_MASQUERADE_ACCESS MASQUERADE, nat, POSTROUTING, 1, FWKNOP_POSTROUTING, 1;",
         "IPT_MASQUERADE_ACCESS: its to-chain 'FWKNOP_POSTROUTING' is that of IPT_SNAT_ACCESS"},
        {"ENABLE_IPT_OUTPUT Y;\nIPT_OUTPUT_ACCESS ACCEPT, filter, OUTPUT, 1, FWKNOP_INPUT, 1;",
         "IPT_OUTPUT_ACCESS: its to-chain 'FWKNOP_INPUT' is that of IPT_INPUT_ACCESS; name"},
        {"IPT_DNAT_ACCESS DNAT, nat, PREROUTING, x, FWKNOP_PREROUTING, 1;",
         "Invalid IPT_DNAT_ACCESS specification, see fwknopd.conf comments"},
        {"IPFW_ACTIVE_SET_NUM 2;", "IPFW_EXPIRE_SET_NUM '2' is IPFW_ACTIVE_SET_NUM"},
        {"PCAP_FILTER " + std::string(1025, 'x') + ";", "PCAP_FILTER has 1025 characters"},
    }));
    CAPTURE(text);
    const reading it{text};
    CHECK_FALSE(it.good);
    CHECK(it.error().starts_with(words));
}

TEST_CASE("what looks alike is right") {
    for (const std::string text :
         {"SYSLOG_FACILITY log_local7;", "ENABLE_NFQ_CAPTURE N;\nNFQ_PORT 1;",
          "FIREWALL_BACKEND NFTables;\nPROTECT_PORTS TCP/22;", "NFT_MODE sets;",
          "PROTECT_PORTS tcp/22, udp/5-9;",
          "NFT_MODE chain;\nNFT_INPUT_ACCESS inet, filter, input;",
          "FIREWALL_BACKEND nftables;\nNFT_MODE sets;\nNFT_TABLE a_1;",
          "SNAT_TRANSLATE_IP __CHANGEME__;",
          "IPT_FORWARD_ACCESS ACCEPT, filter, FORWARD, 1, FWKNOP_INPUT, 1;",
          "ENABLE_IPT_SNAT Y;\nSNAT_TRANSLATE_IP 192.0.2.1;"}) {
        CAPTURE(text);
        CHECK(reading{text}.error().empty());
    }
    CHECK(reading{"PCAP_FILTER " + std::string(1024, 'x') + ";"}.good);
    CHECK(reading{"SYSLOG_FACILITY log_local7;"}.config.syslog_facility == "LOG_LOCAL7");
}

TEST_CASE("what nftables lacks is an error of the line that asks for it") {
    const reading it{"PCAP_INTF lo;\nFIREWALL_BACKEND nftables;"};
    CHECK(it.error().ends_with("(/c:2)"));
    const reading other{"PROTECT_PORTS tcp/22;\nFIREWALL_BACKEND pf;"};
    CHECK(other.error().ends_with("(/c:1)"));
}

TEST_CASE("the carriers are built, and told when they wait for one another") {
    const reading all{"ENABLE_SPA_OVER_HTTP Y;\nALLOW_ANY_USER_AGENT Y;\n"
                      "ENABLE_X_FORWARDED_FOR Y;\nENABLE_TCP_SERVER Y;\nTCPSERV_PORT 80;"};
    CHECK(all.good);
    CHECK(all.report.all().empty());
    CHECK(all.config.tcp_server_port == 80);

    for (const std::string name : {"ALLOW_ANY_USER_AGENT", "ENABLE_X_FORWARDED_FOR"}) {
        CAPTURE(name);
        const reading alone{"\n" + name + " Y;"};
        CHECK(alone.good);
        CHECK(alone.report.all().size() == 1);
        CHECK(alone.warning() ==
              "[*] " + name + " has no effect without ENABLE_SPA_OVER_HTTP (/c:2)");
        CHECK(reading{name + " N;"}.report.all().empty());
    }
}

TEST_CASE("the dump numbers the directives as ever and says where a value comes from") {
    const reading it{"MAX_SPA_PACKET_AGE 77;"};
    const auto text = dump(it.config);
    CHECK(text.starts_with("  0. CONFIG_FILE                  =  '<not set>'\n"));
    CHECK(text.find("\n  2. PCAP_INTF                    =  'eth0'  (default)\n") !=
          std::string::npos);
    CHECK(text.find("\n  8. ENABLE_PCAP_ANY_DIRECTION    =  '<not set>'\n") != std::string::npos);
    CHECK(text.find("\n 12. MAX_SPA_PACKET_AGE           =  '77'  (/c:1)\n") != std::string::npos);
    CHECK(text.find("\n 48. DIGEST_FILE                  =  '/run/fwknop/digest.cache'  (from "
                    "other directives)\n") != std::string::npos);
    CHECK(text.find("\n 53. VERBOSE                      =  '<not set>'\n") != std::string::npos);
    CHECK(text.find("\n 54. FAULT_INJECTION_TAG          =  '<not set>'\n") != std::string::npos);
}
