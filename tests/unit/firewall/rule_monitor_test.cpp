// SPDX-License-Identifier: Apache-2.0
#include "firewall/rule_monitor.hpp"

#include <catch2/catch.hpp>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace fwknop;

namespace {

using octets = std::vector<std::uint8_t>;

void put(octets& out, const void* from, std::size_t size) {
    const auto* const bytes = static_cast<const std::uint8_t*>(from);
    out.insert(out.end(), bytes, bytes + size);
    out.resize((out.size() + 3) / 4 * 4);
}

void put_attribute(octets& out, std::uint16_t type, const std::string& value) {
    const nlattr head{static_cast<std::uint16_t>(NLA_HDRLEN + value.size() + 1), type};
    put(out, &head, sizeof head);
    put(out, value.c_str(), value.size() + 1);
}

/// One message about a rule, as the kernel lays it out; what is inside the expressions does not
/// matter here.
octets message(int type, std::uint8_t family, const std::string& table, const std::string& chain,
               const std::string& rule) {
    octets body;
    const nfgenmsg head{family, NFNETLINK_V0, 0};
    put(body, &head, sizeof head);
    put_attribute(body, NFTA_RULE_TABLE, table);
    put_attribute(body, NFTA_RULE_CHAIN, chain);
    put_attribute(body, NFTA_RULE_EXPRESSIONS, rule);
    const nlmsghdr header{static_cast<std::uint32_t>(NLMSG_HDRLEN + body.size()),
                          static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8) | type), 0, 0,
                          4711};
    octets out;
    put(out, &header, sizeof header);
    put(out, body.data(), body.size());
    return out;
}

/// From a buffer of exactly that size, so that a sanitizer sees every byte too many.
std::string read(const octets& bytes, std::size_t size) {
    const auto exact = std::make_unique<std::uint8_t[]>(size);
    std::memcpy(exact.get(), bytes.data(), size);
    std::string got;
    read_rule_events({exact.get(), size}, [&](const rule_event& each) {
        got += (each.family == ip_family::v4 ? "4 " : "6 ") + std::string{each.table} + " " +
               std::string{each.chain} + " " + std::to_string(each.sender) + " " +
               (each.expires ? std::to_string(to_seconds(*each.expires)) : "-") + "\n";
    });
    return got;
}

std::string read(const octets& bytes) {
    return read(bytes, bytes.size());
}

} // namespace

TEST_CASE("new rules of both families, with what their comments say") {
    CHECK(read(message(NFT_MSG_NEWRULE, AF_INET, "filter", "OURS", "comment x _exp_123")) ==
          "4 filter OURS 4711 123\n");
    CHECK(read(message(NFT_MSG_NEWRULE, AF_INET6, "nat", "OURS", "counter")) ==
          "6 nat OURS 4711 -\n");
}

TEST_CASE("whatever else nf_tables tells is passed over") {
    CHECK(read(message(NFT_MSG_DELRULE, AF_INET, "filter", "OURS", "_exp_123")).empty());
    CHECK(read(message(NFT_MSG_NEWSET, AF_INET, "filter", "OURS", "_exp_123")).empty());
    CHECK(read(message(NFT_MSG_NEWRULE, AF_UNSPEC, "filter", "OURS", "_exp_123")).empty());
    CHECK(read(message(NFT_MSG_NEWRULE, AF_INET, "filter", "", "_exp_123")).empty());
}

TEST_CASE("several rules of one transaction come together") {
    auto both = message(NFT_MSG_NEWRULE, AF_INET, "filter", "OURS", "_exp_1");
    const auto second = message(NFT_MSG_NEWRULE, AF_INET, "filter", "OURS", "_exp_2");
    both.insert(both.end(), second.begin(), second.end());
    CHECK(read(both) == "4 filter OURS 4711 1\n4 filter OURS 4711 2\n");
}

TEST_CASE("a rule's message cut short says nothing and reads nothing beyond its end") {
    const auto whole = message(NFT_MSG_NEWRULE, AF_INET, "filter", "OURS", "_exp_123");
    for (std::size_t size = 0; size < whole.size(); ++size) {
        INFO(size);
        CHECK(read(whole, size).empty());
    }
}

TEST_CASE("a rule's message that claims 2 GiB and more ends the reading") {
    auto both = message(NFT_MSG_NEWRULE, AF_INET, "filter", "OURS", "_exp_1");
    const std::size_t second = both.size();
    const auto more = message(NFT_MSG_NEWRULE, AF_INET, "filter", "OURS", "_exp_2");
    both.insert(both.end(), more.begin(), more.end());
    for (const std::uint32_t length : {0x80000000U, 0xfffffff0U}) {
        std::memcpy(both.data() + second, &length, sizeof length);
        CHECK(read(both) == "4 filter OURS 4711 1\n");
    }
}

TEST_CASE("the rule monitor can be had by who may change rules, and says so to others") {
    if (::geteuid() != 0) {
        CHECK_THROWS_AS(rule_monitor{}, std::runtime_error);
        return;
    }
    rule_monitor monitor;
    CHECK(monitor.descriptor() >= 0);
    CHECK(monitor.receive([](const rule_event&) {}));
}
