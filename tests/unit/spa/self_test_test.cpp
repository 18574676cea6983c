// SPDX-License-Identifier: Apache-2.0
#include "core/spa/self_test.hpp"

#include <catch2/catch.hpp>

namespace fwknop {

TEST_CASE("a crypto library with everything passes the self-test") {
    const auto tested = self_test();
    INFO((tested ? "" : tested.error().message()));
    CHECK(tested);
}

} // namespace fwknop
