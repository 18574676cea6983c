// SPDX-License-Identifier: Apache-2.0
#include "real_nft.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <optional>
#include <string>

using namespace fwknop;
using namespace fwknop::test;
using namespace std::chrono_literals;

// A protection that is on trial ends in the kernel, with or without us.

TEST_CASE("nftables: what is hidden on trial is hidden no more after it, and not again") {
    real_nft host;
    host.options.layout.protect = {{protocol::tcp, 22, 22}, {protocol::udp, 5000, 5100}};
    host.start_with = [](nft_backend& filter) {
        CHECK(filter.limit_protection(std::chrono::steady_clock::now() + 2s));
    };
    REQUIRE(host.start().error == "");
    CHECK(host.elements("protected").starts_with("{ tcp . 22 timeout "));

    SECTION("whether the daemon lives") {
        host.run_until([&] { return host.elements("protected").empty(); });
    }
    SECTION("or not") {
        host.crash();
        const auto limit = std::chrono::steady_clock::now() + 30s;
        while (!host.elements("protected").empty())
            REQUIRE(std::chrono::steady_clock::now() < limit);
    }
    SECTION("or has to write it again") {
        host.nft("flush ruleset");
        host.run_until([&] { return host.log.has("table inet fwknop was missing and is made"); });
        CHECK(host.elements("protected").starts_with("{ tcp . 22 timeout "));
        host.run_until([&] { return host.elements("protected").empty(); });
        host.log.lines.clear();
        host.nft("flush ruleset");
        host.run_until([&] { return host.log.has("table inet fwknop was missing and is made"); });
        CHECK(host.elements("protected").empty());
        CHECK(host.count("@protected drop") == 1);
    }
}

TEST_CASE("nftables: a trial that is confirmed has no end") {
    real_nft host;
    host.options.layout.protect = {{protocol::tcp, 22, 22}, {protocol::udp, 5000, 5100}};
    host.start_with = [](nft_backend& filter) {
        CHECK(filter.limit_protection(std::chrono::steady_clock::now() + 1h));
    };
    REQUIRE(host.start().error == "");
    host.open("192.0.2.7", 22, 100);
    std::optional<std::string> answer;
    host.keeper->confirm_protection(
        [&](const backend_outcome& outcome) { answer = outcome.error; });
    host.run_until([&] { return answer.has_value(); });
    CHECK(answer == "");
    CHECK(host.elements("protected").find("timeout") == std::string::npos);
    CHECK(host.elements("protected").find("udp . 5000-5100") != std::string::npos);
    CHECK(host.count("192.0.2.7 . tcp . 22") == 1);
    host.nft("flush ruleset");
    host.run_until([&] { return host.log.has("1 grants are written again"); });
    CHECK(host.elements("protected").find("timeout") == std::string::npos);
}

TEST_CASE("nftables: a trial is for what hides") {
    real_nft host;
    host.options.layout.mode = nft_mode::sets;
    CHECK_FALSE(nft_backend{host.options}.limit_protection(std::chrono::steady_clock::now() + 1h));
}
