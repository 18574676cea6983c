// SPDX-License-Identifier: Apache-2.0
#include "firewall/firewalld_access.hpp"
#include "firewall/firewalld_script.hpp"
#include "firewall/iptables_save.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <vector>

using namespace fwknop;

namespace {

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : "|") + word;
    return text;
}

std::string calls_of(std::string_view script) {
    std::string text;
    for (const firewalld_call& call : firewalld_calls(script)) {
        text += joined(call.arguments);
        if (!call.otherwise.empty()) text += " or " + joined(call.otherwise);
        text += call.changes ? "\n" : " (checks)\n";
    }
    return text;
}

} // namespace

TEST_CASE("each line of a script is one call of iptables") {
    CHECK(calls_of("*filter\n"
                   ":OURS - [0:0]\n"
                   "-C INPUT -j OURS\n"
                   "-I INPUT 1 -j OURS\n"
                   "-A OURS -s 192.0.2.7 -m comment --comment \"a \\\"b\\\" _exp_1\" -j ACCEPT\n"
                   "-X OURS\n"
                   "COMMIT\n") == "-t|filter|-F|OURS or -t|filter|-N|OURS\n"
                                  "-t|filter|-C|INPUT|-j|OURS (checks)\n"
                                  "-t|filter|-I|INPUT|1|-j|OURS\n"
                                  "-t|filter|-A|OURS|-s|192.0.2.7|-m|comment|--comment|"
                                  "a \"b\" _exp_1|-j|ACCEPT\n"
                                  "-t|filter|-X|OURS\n");
    CHECK(calls_of("-V\n") == "-V\n");
    CHECK(calls_of("").empty());
}

TEST_CASE("what iptables -S prints reads like a saved table") {
    const auto table =
        iptables_table::parse(as_saved("-P INPUT ACCEPT\n-N OURS\n-A INPUT -j OURS\n"
                                       "-A OURS -s 192.0.2.7/32 -j ACCEPT\n\nsuccess\n",
                                       "filter"),
                              "filter");
    CHECK(table.has_chain("INPUT"));
    CHECK(table.has_chain("OURS"));
    CHECK_FALSE(table.has_chain("success"));
    CHECK(table.count_jumps("INPUT", "OURS") == 1);
    CHECK(table.rules("OURS") == std::vector<std::string>{"-s 192.0.2.7/32 -j ACCEPT"});
}

TEST_CASE("firewalld is asked over the bus, or by the firewall-cmd that is named") {
    CHECK_FALSE(find_firewalld_program("").given);
    CHECK(find_firewalld_program("").error.empty());
    CHECK(find_firewalld_program("/usr/sbin/iptables").error.find("firewall-cmd") !=
          std::string::npos);
    CHECK(find_firewalld_program("firewall-cmd").error.find("absolute") != std::string::npos);
    CHECK(find_firewalld_program("/nowhere/firewall-cmd").error.find("install") !=
          std::string::npos);
}
