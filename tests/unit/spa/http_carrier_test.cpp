// SPDX-License-Identifier: Apache-2.0
#include "core/spa/http_carrier.hpp"
#include "support/result.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>

using namespace fwknop;
using fwknop::test::error_of;

namespace {

const std::string agent = "User-Agent: Fwknop/2.6.10\r\n";
const std::string cargo(140, 'A');

struct outcome {
    errc error{};
    std::string payload;
    std::string forwarded_for; ///< empty: none
};

// Exactly as many bytes as there are, so that a sanitizer sees a read past the end.
outcome read(const std::string& request, http_rules rules = {}) {
    const auto exact = std::make_unique<char[]>(request.size());
    request.copy(exact.get(), request.size());
    http_reader reader{rules};
    const auto got = reader.read({exact.get(), request.size()});
    if (!got) return {errc_of(got.error()), {}, {}};
    return {{},
            std::string{got->payload},
            got->forwarded_for ? got->forwarded_for->to_string() : std::string{}};
}

std::string get(const std::string& target, const std::string& header = agent) {
    return "GET " + target + " HTTP/1.1\r\n" + header + "\r\n";
}

} // namespace

TEST_CASE("the request of each client gives its packet") {
    const auto [name, request] = GENERATE(table<std::string, std::string>({
        {"2.6.10", "GET /" + cargo +
                       " HTTP/1.0\r\nUser-Agent: Fwknop/2.6.10\r\nAccept: */*\r\n"
                       "Host: 10.73.0.1\r\nConnection: close\r\n\r\n"},
        {"2.6.11", "GET /" + cargo +
                       " HTTP/1.1\r\nUser-Agent: Fwknop/2.6.11\r\nAccept: */*\r\n"
                       "Host: 10.73.0.1\r\nConnection: close\r\n\r\n"},
        {"to a proxy", "GET http://server.example/" + cargo +
                           " HTTP/1.1\r\nUser-Agent: Fwknop/2.6.11\r\nAccept: */*\r\n"
                           "Host: proxy.example\r\nConnection: close\r\n\r\n"},
        {"to a proxy, with a port", get("http://server.example:62201/" + cargo)},
        {"to a proxy, IPv6", get("http://[2001:db8::1]:62201/" + cargo)},
        {"from a proxy",
         get("/" + cargo, "Via: 1.1 proxy\r\n" + agent + "X-Id: a:b c\r\nEmpty:\r\n")},
        {"names in any case", get("/" + cargo, "uSER-agent:  \tFwknop \r\n")},
        {"bare line feeds", "GET /" + cargo + " HTTP/1.1\nUser-Agent: Fwknop/3\n\n"},
        {"with a body", get("/" + cargo) + "body\r\n\r\nmore"},
    }));
    CAPTURE(name);
    const auto got = read(request);
    CHECK(got.error == errc{});
    CHECK(got.payload == cargo);
    CHECK(got.forwarded_for.empty());
    CHECK(begins_http_request(request));
    CHECK(ends_http_header(request));

    // However short it is cut, nothing is taken for sure that is not there.
    const std::size_t first_line = request.find('\n') + 1;
    const std::size_t agent_line = request.find('\n', request.find("gent:", first_line)) + 1;
    const std::size_t end = request.size() - (name == "with a body" ? 12 : 0);
    for (std::size_t size = 0; size < end; ++size) {
        CAPTURE(size);
        const std::string cut = request.substr(0, size);
        const errc expected = size < first_line   ? errc::http_request_malformed
                              : size < agent_line ? errc::http_user_agent_foreign
                                                  : errc{};
        const outcome usual = read(cut);
        const errc careful = read(cut, {.forwarded_for = true}).error;
        if (usual.error != expected || (expected == errc{} && usual.payload != cargo) ||
            careful != errc::http_request_malformed) {
            CHECK(usual.error == expected);
            CHECK(usual.payload == cargo);
            CHECK(careful == errc::http_request_malformed);
        }
    }
}

TEST_CASE("what the sender replaced is put back, and nothing else") {
    CHECK(read(get("/a-b_c")).payload == "a+b/c");
    CHECK(read(get("/-_-_")).payload == "+/+/");
    CHECK(read(get("/a+b/c")).payload == "a+b/c");
    CHECK(read(get("http://host/a_b/c-d")).payload == "a/b/c+d");
    // Judged later, by the alphabet of packets.
    CHECK(read(get("/a%2Bb?c=d#e")).payload == "a%2Bb?c=d#e");
    CHECK(read(get("//ab")).payload == "/ab");
    CHECK(read(get("/http://host/ab")).payload == "http://host/ab");
}

TEST_CASE("a request that no client sends is refused") {
    const auto [name, request] = GENERATE(table<std::string, std::string>({
        {"nothing", ""},
        {"another method", "POST /" + cargo + " HTTP/1.1\r\n" + agent + "\r\n"},
        {"a method in small letters", "get /" + cargo + " HTTP/1.1\r\n" + agent + "\r\n"},
        {"no version", "GET /" + cargo + "\r\n" + agent + "\r\n"},
        {"an empty version", "GET /" + cargo + " \r\n" + agent + "\r\n"},
        {"another version", "GET /" + cargo + " HTTP/2.0\r\n" + agent + "\r\n"},
        {"half a version", "GET /" + cargo + " HTTP/1.\r\n" + agent + "\r\n"},
        {"a version and more", "GET /" + cargo + " HTTP/1.10\r\n" + agent + "\r\n"},
        {"two blanks before", "GET  /" + cargo + " HTTP/1.1\r\n" + agent + "\r\n"},
        {"two blanks behind", "GET /" + cargo + "  HTTP/1.1\r\n" + agent + "\r\n"},
        {"a tab", "GET /" + cargo + "\tHTTP/1.1\r\n" + agent + "\r\n"},
        {"no text", get("/")},
        {"no path", get("http://host")},
        {"no text behind the host", get("http://host/")},
        {"no host", get("http:///" + cargo)},
        {"another scheme", get("https://host/" + cargo)},
        {"no slash", get(cargo)},
        {"asterisk", get("*")},
        {"a line without colon", get("/" + cargo, agent + "nonsense\r\n")},
        {"a line that begins with a colon", get("/" + cargo, agent + ": value\r\n")},
        {"a folded line", get("/" + cargo, agent + " continued: here\r\n")},
        {"a blank in a name", get("/" + cargo, "User-Agent : Fwknop\r\n")},
        {"no end of the first line", "GET /" + cargo + " HTTP/1.1\r"},
        {"carriage returns alone", "GET /" + cargo + " HTTP/1.1\rUser-Agent: Fwknop\r\r"},
    }));
    CAPTURE(name);
    CHECK(read(request, {.any_user_agent = true}).error == errc::http_request_malformed);
}

TEST_CASE("the user agent must be ours, unless any is allowed") {
    const std::string lines =
        GENERATE("", "Host: x\r\n", "User-Agent: Wget/1.21\r\n", "User-Agent: fwknop/3\r\n",
                 "User-Agent: x Fwknop/3\r\n", "User-Agent: Fwkno\r\n", "User-Agent:\r\n",
                 "X-User-Agent: Fwknop\r\n", "User-Agent: Wget\r\nUser-Agent: Fwknop\r\n");
    CAPTURE(lines);
    const std::string request = get("/" + cargo, lines);
    CHECK(read(request).error == errc::http_user_agent_foreign);
    CHECK(read(request, {.any_user_agent = true}).payload == cargo);
    CHECK(read(get("/" + cargo, "User-Agent: Fwknop\r\n")).payload == cargo);
}

TEST_CASE("the text fits the longest packet and not one byte more") {
    const std::string longest(max_payload_size, 'A');
    CHECK(read(get("/" + longest)).payload == longest);
    CHECK(read(get("http://host/" + longest)).payload == longest);
    CHECK(read(get("/" + longest + "A")).error == errc::payload_too_long);
    CHECK(read(get("/" + std::string(60000, 'A'))).error == errc::payload_too_long);
    CHECK(read(get("/A")).payload == "A");
}

TEST_CASE("a sender is taken from X-Forwarded-For only if asked for, and only one address") {
    const auto [value, expected] = GENERATE(table<std::string, std::string>({
        {"192.0.2.7", "192.0.2.7"},
        {"  192.0.2.7\t", "192.0.2.7"},
        {"2001:db8::1", "2001:db8::1"},
        {"::ffff:192.0.2.7", "192.0.2.7"},
        {"", ""},
        {"foo", ""},
        {"999.0.2.7", ""},
        {"192.0.2.07", ""},
        {"192.0.2.7, 192.0.2.8", ""},
        {"192.0.2.7,192.0.2.8", ""},
        {"192.0.2.7:80", ""},
        {"192.0.2.7/0", ""},
        {"[2001:db8::1]", ""},
        {"fe80::1%eth0", ""},
        {"unknown", ""},
        {"0.0.0.0", ""},
        {"::", ""},
        {"::ffff:0.0.0.0", ""},
        {std::string("192.0.2.7\0", 10), ""},
        {std::string(400, '1'), ""},
    }));
    CAPTURE(value);
    const std::string request = get("/" + cargo, agent + "x-forwarded-FOR:" + value + "\r\n");
    CHECK(read(request, {.forwarded_for = true}).forwarded_for == expected);
    CHECK(read(request, {.forwarded_for = true}).payload == cargo);
    CHECK(read(request).forwarded_for.empty());
}

TEST_CASE("of two X-Forwarded-For the first counts") {
    const std::string line = "X-Forwarded-For: 192.0.2.";
    const auto both = [&](const std::string& first, const std::string& second) {
        return read(get("/" + cargo, line + first + "\r\n" + agent + line + second + "\r\n"),
                    {.forwarded_for = true})
            .forwarded_for;
    };
    CHECK(both("7", "8") == "192.0.2.7");
    CHECK(both("x", "8").empty());
    CHECK(read(get("/" + cargo), {.forwarded_for = true}).forwarded_for.empty());
}

TEST_CASE("a reader forgets the request before") {
    http_reader reader{{.forwarded_for = true}};
    REQUIRE(reader.read(get("/" + cargo, agent + "X-Forwarded-For: 192.0.2.7\r\n")).has_value());
    const std::string second = get("/B");
    const auto got = reader.read(second);
    REQUIRE(got.has_value());
    CHECK(got->payload == "B");
    CHECK_FALSE(got->forwarded_for.has_value());
}

TEST_CASE("a request is known by its first word, and its end by an empty line") {
    for (const std::string_view not_one : {"", "GET", "GET/", "get ", " GET ", "AGET "}) {
        CHECK_FALSE(begins_http_request(not_one));
    }
    CHECK(begins_http_request("GET "));
    for (const std::string_view open : {"", "GET /", "a\r\n", "a\r\n\r", "a\n\r", "\r", "a\r\rb"}) {
        CAPTURE(open);
        CHECK_FALSE(ends_http_header(open));
    }
    for (const std::string_view closed : {"\n", "\r\n", "a\r\n\r\n", "a\n\n", "a\r\n\nb"}) {
        CAPTURE(closed);
        CHECK(ends_http_header(closed));
    }
}
