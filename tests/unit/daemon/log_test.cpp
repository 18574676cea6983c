// SPDX-License-Identifier: Apache-2.0
#include "daemon/log.hpp"
#include "daemon/log_lines.hpp"

#include <catch2/catch.hpp>

#include <iostream>

namespace fwknop::daemon::test {
namespace {

TEST_CASE("the log goes on when its stream takes lines again") {
    log_lines log;
    std::clog.setstate(std::ios::badbit); // as a full disk leaves it
    log::info("first");
    log::info("second");
    CHECK(log.take() == lines{"first", "second"});
}

} // namespace
} // namespace fwknop::daemon::test
