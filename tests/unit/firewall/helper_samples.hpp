// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/helper_request.hpp"

#include <catch2/catch.hpp>

#include <unistd.h>

// What the helpers of tests may start.

namespace fwknop::test {

inline child_identity ourselves() {
    child_identity who{::geteuid(), ::getegid(), {}};
    who.groups.resize(static_cast<std::size_t>(::getgroups(0, nullptr)));
    REQUIRE(::getgroups(static_cast<int>(who.groups.size()), who.groups.data()) >= 0);
    return who;
}

inline helper_rules some_rules() {
    return {{{"/bin/sh", {"-c", any_value}},
             {"/bin/sh", {"-c", any_value, any_value, any_value}},
             {"/bin/cat", {"-"}, listed_rest::nothing, listed_input::iptables_script},
             {"/usr/bin/env"},
             {"/does/not/exist"}},
            {ourselves()}};
}

} // namespace fwknop::test
