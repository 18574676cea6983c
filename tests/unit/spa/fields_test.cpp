// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/base64.hpp"
#include "core/spa/fields.hpp"
#include "support/result.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

using namespace fwknop;
using fwknop::crypto::base64_encode;
using fwknop::test::error_of;

namespace {

const std::string access_text = "192.0.2.7,tcp/22";

/// The fields of a good access packet, one of them replaced.
struct plain_fields {
    std::string random = "0123456789012345";
    std::string user = base64_encode("alice");
    std::string time = "1795303874";
    std::string version = "3.0.0";
    std::string type = "1";
    std::string message = base64_encode(access_text);
    std::vector<std::string> more = {};

    [[nodiscard]] std::string encoded() const {
        std::string out =
            random + ':' + user + ':' + time + ':' + version + ':' + type + ':' + message;
        for (const auto& field : more) out += ':' + field;
        return out;
    }
};

std::string with_digest(const std::string& encoded, digest_type type = digest_type::sha256) {
    return encoded + ':' + digest_fields(encoded, type).value();
}

// Exactly as many bytes as there are, so that a read past the end is seen by the sanitizer.
errc decode_error(const std::string& plain) {
    const auto exact = std::make_unique<char[]>(plain.size());
    std::memcpy(exact.get(), plain.data(), plain.size());
    return error_of(decode_plaintext({exact.get(), plain.size()}));
}

errc decode_error(const plain_fields& fields) {
    return decode_error(with_digest(fields.encoded()));
}

std::string message_of_size(std::size_t size) {
    std::string text = "192.0.2.7,tcp/22";
    while (text.size() + 7 <= size) text += ",tcp/22";
    while (text.size() < size) text.insert(text.rfind('/') + 1, "0");
    return text;
}

} // namespace

TEST_CASE("good fields decode") {
    const auto decoded = decode_plaintext(with_digest(plain_fields{}.encoded()));
    REQUIRE(decoded);
    CHECK(decoded->message.random_value == "0123456789012345");
    CHECK(decoded->message.user == "alice");
    CHECK(decoded->message.time == 1795303874);
    CHECK(decoded->message.version == "3.0.0");
    CHECK(decoded->message.type == message_type::access);
    CHECK(decoded->message.text == access_text);
    CHECK_FALSE(decoded->message.nat_access);
    CHECK_FALSE(decoded->message.server_auth);
    CHECK(decoded->message.client_timeout == 0);
}

TEST_CASE("each malformed field has an error of its own") {
    struct row {
        const char* what;
        plain_fields fields;
        errc error;
    };
    const std::string nat = base64_encode("10.0.0.1,22");
    const std::string auth = base64_encode("crypt,x");
    const std::vector<row> rows{
        {"random value of 15 digits", {.random = "012345678901234"}, errc::random_value_malformed},
        {"random value of 17 digits",
         {.random = "01234567890123456"},
         errc::random_value_malformed},
        {"random value with a letter",
         {.random = "012345678901234a"},
         errc::random_value_malformed},
        {"user empty", {.user = ""}, errc::user_name_malformed},
        {"user not base64", {.user = "al!ce"}, errc::user_name_malformed},
        {"user with a colon inside", {.user = base64_encode("a:b")}, errc::user_name_malformed},
        {"user with a control byte", {.user = base64_encode("a\nb")}, errc::user_name_malformed},
        {"user of 48 bytes", {.user = base64_encode(std::string(48, 'u'))}, errc{}},
        {"user of 49 bytes",
         {.user = base64_encode(std::string(49, 'u'))},
         errc::user_name_too_long},
        {"time of 12 digits", {.time = "999999999999"}, errc{}},
        {"time of 13 digits", {.time = "1000000000000"}, errc::time_stamp_too_long},
        {"time empty", {.time = ""}, errc::time_stamp_malformed},
        {"time negative", {.time = "-5"}, errc::time_stamp_malformed},
        {"time with a letter", {.time = "12x"}, errc::time_stamp_malformed},
        {"version of 8", {.version = "12345678"}, errc{}},
        {"version of 9", {.version = "123456789"}, errc::version_malformed},
        {"version empty", {.version = ""}, errc::version_malformed},
        {"old version", {.version = "1.9.12"}, errc{}},
        {"type empty", {.type = ""}, errc::message_type_malformed},
        {"type with a letter", {.type = "1a"}, errc::message_type_malformed},
        {"type of two digits", {.type = "01"}, errc{}},
        {"type of three digits", {.type = "001"}, errc::message_type_malformed},
        {"type 7", {.type = "7"}, errc::message_type_unknown},
        {"message empty", {.message = ""}, errc::message_malformed},
        {"message not base64", {.message = "MTky*"}, errc::message_malformed},
        {"message of 192 bytes", {.message = base64_encode(message_of_size(192))}, errc{}},
        {"message of 193 bytes",
         {.message = base64_encode(message_of_size(193))},
         errc::message_too_long},
        {"message with padding", {.message = base64_encode(access_text) + "=="}, errc{}},
        {"address malformed",
         {.message = base64_encode("192.0.2,tcp/22")},
         errc::allow_address_malformed},
        {"list malformed",
         {.message = base64_encode("192.0.2.7,tcp22")},
         errc::access_list_malformed},
        {"protocol icmp",
         {.message = base64_encode("192.0.2.7,icmp/1")},
         errc::protocol_unsupported},
        {"port 0", {.message = base64_encode("192.0.2.7,tcp/0")}, errc::port_out_of_range},
        {"command", {.type = "0", .message = base64_encode("192.0.2.7,ls -l")}, errc{}},
        {"command empty",
         {.type = "0", .message = base64_encode("192.0.2.7,")},
         errc::command_empty},
        {"access with server auth", {.more = {auth}}, errc{}},
        {"access with one field too many", {.more = {auth, auth}}, errc::too_many_fields},
        {"command with one field too many",
         {.type = "0", .more = {auth, auth}},
         errc::too_many_fields},
        {"server auth empty", {.more = {""}}, errc::server_auth_malformed},
        {"server auth not base64", {.more = {"a!"}}, errc::server_auth_malformed},
        {"server auth of 256 characters", {.more = {std::string(256, 'A')}}, errc{}},
        {"server auth of 257 characters",
         {.more = {std::string(257, 'A')}},
         errc::server_auth_too_long},
        {"NAT missing", {.type = "2"}, errc::nat_access_malformed},
        {"NAT", {.type = "2", .more = {nat}}, errc{}},
        {"NAT and server auth", {.type = "2", .more = {nat, auth}}, errc{}},
        {"NAT with one field too many",
         {.type = "2", .more = {nat, auth, auth}},
         errc::too_many_fields},
        {"NAT not base64", {.type = "2", .more = {"*"}}, errc::nat_access_malformed},
        {"NAT without port",
         {.type = "5", .more = {base64_encode("10.0.0.1")}},
         errc::nat_access_malformed},
        {"NAT port 65536",
         {.type = "5", .more = {base64_encode("h,65536")}},
         errc::port_out_of_range},
        {"NAT of 257 characters",
         {.type = "2", .more = {std::string(257, 'A')}},
         errc::nat_access_too_long},
        {"timeout missing", {.type = "3"}, errc::client_timeout_malformed},
        {"timeout", {.type = "3", .more = {"60"}}, errc{}},
        {"timeout 0", {.type = "3", .more = {"0"}}, errc{}},
        {"timeout 65536", {.type = "3", .more = {"65536"}}, errc{}},
        {"timeout 65537", {.type = "3", .more = {"65537"}}, errc::client_timeout_too_large},
        {"timeout beyond any number",
         {.type = "3", .more = {"99999999999999999999"}},
         errc::client_timeout_too_large},
        {"timeout negative", {.type = "3", .more = {"-1"}}, errc::client_timeout_malformed},
        {"timeout empty", {.type = "3", .more = {""}}, errc::client_timeout_malformed},
        {"server auth and timeout", {.type = "3", .more = {auth, "60"}}, errc{}},
        {"timeout with one field too many",
         {.type = "3", .more = {auth, "60", "60"}},
         errc::too_many_fields},
        {"NAT with timeout", {.type = "4", .more = {nat, "60"}}, errc{}},
        {"NAT with timeout missing", {.type = "6", .more = {nat}}, errc::client_timeout_malformed},
        {"NAT, server auth, timeout", {.type = "6", .more = {nat, auth, "60"}}, errc{}},
    };
    for (const auto& each : rows) {
        CAPTURE(each.what);
        CHECK(decode_error(each.fields) == each.error);
    }
}

TEST_CASE("the number of fields is limited from both sides") {
    CHECK(decode_error(std::string{"0123456789012345:a:1:3:1:digest"}) == errc::too_few_fields);
    CHECK(decode_error(std::string{"0123456789012345"}) == errc::too_few_fields);
    CHECK(decode_error(std::string{}) == errc::too_few_fields);
    plain_fields nine{.type = "4",
                      .more = {base64_encode("10.0.0.1,22"), base64_encode("auth"), "60"}};
    CHECK(decode_error(nine) == errc{});
    nine.more.emplace_back("60");
    CHECK(decode_error(nine) == errc::too_many_fields);
}

TEST_CASE("any byte that is not printable is refused") {
    const std::string good = with_digest(plain_fields{}.encoded());
    for (const char byte : {'\0', '\n', '\x1f', '\x7f', '\x80', '\xff'}) {
        std::string bad = good;
        bad[20] = byte;
        CHECK(decode_error(bad) == errc::plaintext_not_printable);
    }
}

TEST_CASE("every digest type is told by its length and value") {
    const std::string encoded = plain_fields{}.encoded();
    for (const digest_type type : all_digest_types) {
        const auto decoded = decode_plaintext(with_digest(encoded, type));
        REQUIRE(decoded);
        CHECK(decoded->digest == type);
        // A digest of the right length over other fields.
        const std::string wrong = digest_fields(encoded + 'x', type).value();
        CHECK(decode_error(encoded + ':' + wrong) == errc::digest_mismatch);
        CHECK(decode_error(encoded + ':' + wrong + 'A') == errc::digest_unknown);
    }
    CHECK(decode_error(encoded + ':') == errc::digest_unknown);
}

TEST_CASE("a packet cut anywhere is refused") {
    const std::string good = with_digest(plain_fields{}.encoded());
    for (std::size_t size = 0; size < good.size(); ++size) {
        CAPTURE(size);
        CHECK(decode_error(good.substr(0, size)) != errc{});
    }
}

TEST_CASE("encoding refuses what decoding would refuse") {
    const auto with = [](auto change) {
        message fields;
        fields.random_value = "0123456789012345";
        fields.user = "alice";
        fields.time = 1;
        fields.version = protocol_version;
        fields.text = access_text;
        change(fields);
        return error_of(encode_fields(fields));
    };
    CHECK(with([](message&) {}) == errc{});
    CHECK(with([](message& m) { m.random_value.pop_back(); }) == errc::random_value_malformed);
    CHECK(with([](message& m) { m.user = ""; }) == errc::user_name_malformed);
    CHECK(with([](message& m) { m.user = std::string(49, 'u'); }) == errc::user_name_too_long);
    CHECK(with([](message& m) { m.time = -1; }) == errc::time_stamp_malformed);
    CHECK(with([](message& m) { m.time = 1'000'000'000'000; }) == errc::time_stamp_too_long);
    CHECK(with([](message& m) { m.version = "3:0"; }) == errc::version_malformed);
    CHECK(with([](message& m) { m.text = "nonsense"; }) == errc::allow_address_malformed);
    CHECK(with([](message& m) { m.text = message_of_size(192); }) == errc{});
    CHECK(with([](message& m) { m.text = message_of_size(193); }) == errc::message_too_long);
    CHECK(with([](message& m) { m.type = message_type::nat_access; }) ==
          errc::nat_access_malformed);
    CHECK(with([](message& m) { m.server_auth = ""; }) == errc::server_auth_malformed);
    CHECK(with([](message& m) { m.server_auth = std::string(193, 'a'); }) ==
          errc::server_auth_too_long);
    CHECK(with([](message& m) {
              m.type = message_type::access_timeout;
              m.client_timeout = 65537;
          }) == errc::client_timeout_too_large);
}
