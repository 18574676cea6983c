// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/decision.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

// A packet and a stanza that suit each other, for tests to change a thing about them.

namespace fwknop::test {

inline constexpr std::int64_t noon = 1'700'000'000;

inline ip_address at(std::string_view text) {
    return *ip_address::parse(text);
}

struct judgement {
    message request;
    stanza entry;
    server_config server;
    ip_address source = at("192.0.2.7");
    ip_address destination = at("198.51.100.1");
    std::int64_t now = noon;
    bool check_age = true;

    judgement() {
        request.user = "alice";
        request.time = noon;
        request.text = "203.0.113.9,tcp/22";
        entry.number = 3;
    }

    [[nodiscard]] decision judge() const {
        return decide(request, entry, server, source, destination, 62201, from_seconds(now),
                      check_age);
    }
    [[nodiscard]] access_decision granted() const {
        const auto outcome = judge();
        REQUIRE(std::holds_alternative<access_decision>(outcome));
        return std::get<access_decision>(outcome);
    }
    [[nodiscard]] refused denied() const {
        const auto outcome = judge();
        REQUIRE(std::holds_alternative<refused>(outcome));
        return std::get<refused>(outcome);
    }
    [[nodiscard]] std::string text() const { return refusal_text(denied(), entry.number, source); }
};

} // namespace fwknop::test
