// SPDX-License-Identifier: Apache-2.0
#include "arguments.hpp"
#include "checked_string.hpp"
#include "client/secret_arguments.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace fwknop::client;
using test::arguments;

namespace {

constexpr std::array<std::string_view, 2> secret_names{"key-rijndael", "key-hmac"};
constexpr std::array<std::string_view, 5> all_names{"key-rijndael", "key-hmac", "key-gen", "key",
                                                    "access"};

screened_arguments screen(const arguments& given) {
    return screen_arguments(given.argv(), secret_names, all_names);
}

} // namespace

TEST_CASE("keys leave argv, whichever way they are written") {
    const arguments given{"--key-rijndael", "s3same", "--key-hmac=hm", "--key-rij", "third", "-T"};
    const auto screened = screen(given);
    REQUIRE(screened.secrets.size() == 3);
    CHECK(screened.secrets[0].text() == "s3same");
    CHECK(screened.secrets[1].text() == "hm");
    CHECK(screened.secrets[2].text() == "third");
    CHECK(given.word(2) == "xxxxxx");
    CHECK(given.word(3) == "--key-hmac=xx");
    CHECK(given.word(5) == "xxxxx");
    for (const auto& argument : screened.arguments)
        CHECK((argument.find("s3same") == std::string::npos &&
               argument.find("hm=h") == std::string::npos));
}

TEST_CASE("the parser's placeholder leads back to the key") {
    const arguments given{"--key-rijndael", "abc"};
    const auto screened = screen(given);
    REQUIRE(screened.arguments.size() == 2);
    REQUIRE(screened.secret_of(screened.arguments[1]) != nullptr);
    CHECK(screened.secret_of(screened.arguments[1])->text() == "abc");
    CHECK(screened.secret_of("abc") == nullptr);
    CHECK(screened.secret_of("\x01secret:9") == nullptr);
    CHECK(screened.secret_of("\x01secret:") == nullptr);
}

TEST_CASE("other arguments stay as they are") {
    const arguments given{"--key-gen", "--key",      "v", "--access=tcp/22", "-A", "",
                          "--",        "--key-hmac", "z"};
    const auto screened = screen(given);
    CHECK(screened.secrets.empty());
    CHECK(screened.arguments == std::vector<std::string>{"--key-gen", "--key", "v",
                                                         "--access=tcp/22", "-A", "", "--",
                                                         "--key-hmac", "z"});
}

TEST_CASE("a key option at the end has no value to take") {
    const arguments given{"-T", "--key-hmac"};
    CHECK(screen(given).arguments == std::vector<std::string>{"-T", "--key-hmac"});
}

TEST_CASE("no argv at all is no reason to crash") {
    CHECK(screen_arguments({}, secret_names, all_names).arguments.empty());
}

TEST_CASE("what is kept has neither keys nor their options") {
    const arguments given{"-T", "--key-rijndael", "abc", "--key-hmac=def", "-A", "tcp/22"};
    CHECK(screen(given).without_secrets() == std::vector<std::string>{"-T", "-A", "tcp/22"});
}
