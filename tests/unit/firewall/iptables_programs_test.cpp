// SPDX-License-Identifier: Apache-2.0
#include "firewall/iptables_programs.hpp"

#include <catch2/catch.hpp>

#include <set>
#include <string>

using namespace fwknop;

namespace {

iptables_programs find_in(std::string_view exe, std::string_view path,
                          std::set<std::string> there) {
    return find_iptables_programs(exe, path,
                                  [&](const std::string& file) { return there.contains(file); });
}

std::set<std::string> siblings(const std::string& name) {
    return {name, name + "-restore", name + "-save"};
}

std::set<std::string> both(const std::string& four, const std::string& six) {
    auto all = siblings(four);
    all.merge(siblings(six));
    return all;
}

} // namespace

TEST_CASE("iptables is searched for along the path") {
    const auto found = find_in("", "relative:/opt/bin:/usr/sbin",
                               both("/usr/sbin/iptables", "/usr/sbin/ip6tables"));
    CHECK(found.error.empty());
    CHECK(found.notice.empty());
    CHECK(found.v4.restore == "/usr/sbin/iptables-restore");
    CHECK(found.v4.save == "/usr/sbin/iptables-save");
    REQUIRE(found.v6);
    CHECK(found.v6->iptables == "/usr/sbin/ip6tables");
    CHECK(found.v6->restore == "/usr/sbin/ip6tables-restore");
}

TEST_CASE("a path without sbin does not hide iptables") {
    CHECK(find_in("", "/usr/bin", both("/usr/sbin/iptables", "/usr/sbin/ip6tables")).error.empty());
    CHECK(find_in("", "", both("/usr/sbin/iptables", "/usr/sbin/ip6tables")).error.empty());
}

TEST_CASE("FIREWALL_EXE names a variant, whose siblings are used") {
    const auto found = find_in("/sbin/iptables-legacy", "",
                               both("/sbin/iptables-legacy", "/sbin/ip6tables-legacy"));
    CHECK(found.v4.restore == "/sbin/iptables-legacy-restore");
    REQUIRE(found.v6);
    CHECK(found.v6->save == "/sbin/ip6tables-legacy-save");
    // The directory's name has nothing to do with it.
    const auto odd = find_in("/opt/iptables/iptables", "",
                             both("/opt/iptables/iptables", "/opt/iptables/ip6tables"));
    REQUIRE(odd.v6);
    CHECK(odd.v6->iptables == "/opt/iptables/ip6tables");
}

TEST_CASE("what is missing is named, with the remedy") {
    CHECK(find_in("", "/usr/sbin", {}).error ==
          "iptables is not installed: install the package iptables, or set FIREWALL_EXE to its "
          "path");
    CHECK(find_in("/usr/sbin/iptables", "", {"/usr/sbin/iptables"}).error ==
          "/usr/sbin/iptables-restore is not there or cannot be run: install the package iptables, "
          "or set FIREWALL_EXE to the path of iptables");
    CHECK(find_in("/usr/sbin/nft", "", {"/usr/sbin/nft"})
              .error.starts_with("FIREWALL_EXE is '/usr/sbin/nft': give the absolute path"));
    CHECK_FALSE(find_in("iptables", "", siblings("iptables")).error.empty());

    const auto four = find_in("", "/sbin", siblings("/sbin/iptables"));
    CHECK(four.error.empty());
    CHECK_FALSE(four.v6);
    CHECK(four.notice == "/sbin/ip6tables is not there or cannot be run: IPv6 is not handled");
}
