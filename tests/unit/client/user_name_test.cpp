// SPDX-License-Identifier: Apache-2.0
#include "checked_string.hpp"
#include "client/user_name.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace fwknop::client;

namespace {

using variables = std::map<std::string, std::string, std::less<>>;

checked<std::string> choose(const std::string& given, const variables& environment,
                            const std::optional<std::string>& account) {
    return choose_user_name(
        given,
        [&](std::string_view name) -> std::optional<std::string> {
            const auto found = environment.find(name);
            return found == environment.end() ? std::nullopt : std::optional{found->second};
        },
        account);
}

} // namespace

TEST_CASE("the first user name found wins") {
    const variables all{{"SPOOF_USER", "spoof"}, {"LOGNAME", "login"}, {"USER", "user"}};
    CHECK(*choose("given", all, "account") == "given");
    CHECK(*choose("", all, "account") == "spoof");
    CHECK(*choose("", {{"LOGNAME", "login"}, {"USER", "user"}}, "account") == "login");
    CHECK(*choose("", {{"USER", "user"}}, "account") == "account");
    CHECK(*choose("", {{"USER", "user"}}, std::nullopt) == "user");
    CHECK(*choose("", {{"USER", "user"}}, "") == "user");
    CHECK(*choose("", {}, std::nullopt) == "NO_USER");
}

TEST_CASE("a variable that is set but empty is an error, if it is reached") {
    CHECK_FALSE(choose("", {{"SPOOF_USER", ""}, {"LOGNAME", "x"}}, "account"));
    CHECK_FALSE(choose("", {{"LOGNAME", ""}}, "account"));
    CHECK_FALSE(choose("", {{"USER", ""}}, std::nullopt));
    CHECK(choose("", {{"USER", ""}}, "account"));
    CHECK(choose("given", {{"SPOOF_USER", ""}}, "account"));
    CHECK(choose("", {{"LOGNAME", ""}}, "account").error().text.find("LOGNAME") !=
          std::string::npos);
}

TEST_CASE("names that no packet may hold") {
    CHECK(*choose("a b", {}, "") == "a b");
    CHECK_FALSE(choose("a:b", {}, ""));
    CHECK_FALSE(choose("", {{"LOGNAME", "a/b"}}, ""));
    CHECK(choose(std::string(48, 'a'), {}, ""));
    CHECK_FALSE(choose(std::string(49, 'a'), {}, ""));
    CHECK(choose("", {{"LOGNAME", std::string(49, 'a')}}, "")->size() == 48);
}
