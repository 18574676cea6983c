// SPDX-License-Identifier: Apache-2.0
#include "firewall/nft_ledger.hpp"
#include "sample.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace fwknop;
using namespace fwknop::test;
using namespace std::chrono_literals;

namespace {

struct stage {
    grant_table wanted;
    nft_ledger ledger{{rule_role::input, rule_role::forward, rule_role::dnat}};

    std::string open(const grant_key& key, int seconds, int now) {
        wanted.open(key, std::chrono::seconds{seconds}, at(now));
        return shown(ledger.update(key, wanted, at(now)));
    }
    std::string close(const grant_key& key, int now) {
        wanted.withdraw(key);
        return shown(ledger.update(key, wanted, at(now)));
    }

    static std::string shown(const std::vector<nft_step>& steps) {
        std::string text;
        for (const nft_step& step : steps) {
            text += nft_home{}.set_name(step.element.shape) + (step.known ? " known" : " new");
            text +=
                step.timeout == 0ms ? " goes;" : " " + std::to_string(step.timeout.count()) + ";";
        }
        return text;
    }
};

grant_key local_nat(std::uint16_t door, std::uint16_t inside) {
    grant_key key = tcp("192.0.2.7", door);
    key.nat.emplace();
    key.nat->inside = {address("203.0.113.1"), inside};
    key.nat->local = true;
    return key;
}

} // namespace

TEST_CASE("an element lives a little longer than its grant, and goes when told") {
    stage all;
    CHECK(all.open(tcp("192.0.2.7", 22), 30, 0) == "grant4 new 31000;");
    CHECK(all.open(tcp("192.0.2.7", 22), 30, 10) == "grant4 known 31000;");
    CHECK(all.open(tcp("192.0.2.7", 22), 5, 20) == "grant4 known 21000;"); // the later end wins
    CHECK(all.close(tcp("192.0.2.7", 22), 40) == "grant4 known goes;");
    CHECK(all.close(tcp("192.0.2.7", 22), 40) == "grant4 new goes;"); // nothing of it is known
    CHECK(all.ledger.size() == 0);
}

TEST_CASE("an element of two grants stays until both are over") {
    stage all;
    CHECK(all.open(tcp("192.0.2.7", 22), 30, 0) == "grant4 new 31000;");
    CHECK(all.open(local_nat(8022, 22), 10, 0) == "grant4 known 31000;dnat4 new 11000;");
    CHECK(all.close(local_nat(8022, 22), 10) == "grant4 known 21000;dnat4 known goes;");
    CHECK(all.open(local_nat(8022, 22), 100, 10) == "grant4 known 101000;dnat4 new 101000;");
    CHECK(all.close(tcp("192.0.2.7", 22), 30) == "grant4 known 81000;");
    CHECK(all.close(local_nat(8022, 22), 110) == "grant4 known goes;dnat4 known goes;");
    CHECK(all.ledger.size() == 0);
}

TEST_CASE("the later of two grants has its value, and the earlier gets its own back") {
    stage all;
    const auto value_of = [&](const std::vector<nft_step>& steps) {
        return std::vector<std::uint8_t>{steps.back().element.value.begin(),
                                         steps.back().element.value.end()};
    };
    const auto first = local_nat(8022, 22);
    const auto second = local_nat(8022, 23);
    (void)all.open(first, 100, 0);
    all.wanted.open(second, 50s, at(1));
    auto steps = all.ledger.update(second, all.wanted, at(1));
    CHECK(value_of(steps)[5] == 23);
    CHECK(steps.back().previous[5] == 22);
    CHECK(steps.back().timeout == 100s); // the longer of both, and the reserve
    all.wanted.withdraw(second);
    steps = all.ledger.update(second, all.wanted, at(51));
    CHECK(value_of(steps)[5] == 22);
    CHECK(steps.back().previous[5] == 23);
    CHECK(steps.back().timeout == 50s);
}

TEST_CASE("rebuilding takes over what is wanted, but for what is named") {
    stage all;
    (void)all.open(tcp("192.0.2.7", 22), 30, 0);
    (void)all.open(tcp("192.0.2.8", 22), 30, 0);
    (void)all.open(tcp("2001:db8::7", 22), 30, 0);
    CHECK(stage::shown(all.ledger.rebuild(all.wanted, {tcp("192.0.2.8", 22)}, at(10))) ==
          "grant4 new 21000;grant6 new 21000;");
    CHECK(all.ledger.size() == 2);
}
