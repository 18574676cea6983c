// SPDX-License-Identifier: Apache-2.0
#include "core/policy/diagnostic.hpp"
#include "core/policy/file_reader.hpp"

#include <catch2/catch.hpp>

using namespace fwknop;

TEST_CASE("a diagnostic names as much of its place as there is") {
    CHECK(diagnostic{severity::error, "/f", 3, "wrong"}.to_string() == "wrong (/f:3)");
    CHECK(diagnostic{severity::error, "/f", 0, "wrong"}.to_string() == "wrong (/f)");
    CHECK(diagnostic{severity::error, "", 0, "wrong"}.to_string() == "wrong");
}

TEST_CASE("warnings do not fail, the first error is remembered") {
    diagnostics report;
    CHECK(report.first_error() == nullptr);
    report.warn("/f", 1, "odd");
    CHECK_FALSE(report.failed());
    CHECK(report.first_error() == nullptr);
    report.fail("/f", 2, "one");
    report.fail("/f", 3, "two");
    CHECK(report.failed());
    REQUIRE(report.first_error() != nullptr);
    CHECK(report.first_error()->text == "one");
    CHECK(report.all().size() == 3);
}

TEST_CASE("files open to others are warned about") {
    diagnostics report;
    check_permissions("/f", {secret_bytes{}, true, true}, report);
    CHECK(report.all().empty());
    check_permissions("/f", {secret_bytes{}, false, true}, report);
    REQUIRE(report.all().size() == 1);
    CHECK(report.all()[0].to_string() ==
          "[-] file: /f permissions should only be user read/write (0600, -rw-------) (/f)");
    check_permissions("/f", {secret_bytes{}, true, false}, report);
    CHECK(report.all().size() == 2);
    CHECK_FALSE(report.failed());
}
