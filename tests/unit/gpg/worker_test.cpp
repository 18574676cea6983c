// SPDX-License-Identifier: Apache-2.0
#include "gpg/encrypt.hpp"
#include "gpg/worker.hpp"
#include "gpg_home.hpp"
#include "support/outcome.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

using namespace fwknop;
using fwknop::test::gpg_home;
using gpg::failure_kind;
using gpg::pass_phrase;

namespace {

constexpr std::string_view plain = "1234567890123456:cm9vdA:1795322166:3.0.0:1:MC4w:digest";

struct shared {
    gpg_home home;
    std::string server = home.make_pair("server@test", "secret of the server");
    std::string signer = home.make_pair("signer@test");
    std::vector<std::uint8_t> sealed =
        *gpg::encrypt(home.engine(), {"server@test", "signer@test"}, pass_phrase::none(), plain);
};

shared& keys() {
    static shared made;
    return made;
}

/// What a worker answers to these bytes, and its exit status.
std::string work(std::span<const std::uint8_t> request, int expected = 0,
                 const std::string& program = keys().home.engine().program) {
    const int input = ::memfd_create("request", MFD_CLOEXEC);
    const int output = ::memfd_create("answer", MFD_CLOEXEC);
    REQUIRE(input >= 0);
    REQUIRE(output >= 0);
    REQUIRE(::write(input, request.data(), request.size()) == static_cast<ssize_t>(request.size()));
    ::lseek(input, 0, SEEK_SET);
    CHECK(gpg::run_worker(program, input, output) == expected);
    std::string text(static_cast<std::size_t>(::lseek(output, 0, SEEK_END)), '\0');
    REQUIRE(::pread(output, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    ::close(input);
    ::close(output);
    return text;
}

using message_list = std::vector<std::vector<std::uint8_t>>;

std::string decrypt(const message_list& messages,
                    std::string_view phrase = "secret of the server") {
    const auto given = pass_phrase::given(secret_bytes::from_text(phrase));
    const auto request = gpg::write_request(keys().home.path(), given, messages);
    return work(request.bytes());
}

} // namespace

TEST_CASE("a worker's answer is what decrypting gives") {
    const auto answer = gpg::read_answer(decrypt({keys().sealed}));
    REQUIRE(answer);
    CHECK(answer->plain.text() == plain);
    REQUIRE(answer->signatures.size() == 1);
    const auto& signature = answer->signatures[0];
    CHECK(signature.fingerprint == keys().signer);
    CHECK(signature.primary_fingerprint == keys().signer);
    CHECK(signature.state == signature_state::good);
    CHECK(signature.validity == key_validity::full);
    CHECK(signature.summary == 3);
    CHECK(signature.status == 0);
}

TEST_CASE("a worker takes the first message that opens") {
    auto broken = keys().sealed;
    broken.resize(broken.size() / 2);
    const auto answer = gpg::read_answer(decrypt({broken, {1, 2, 3}, keys().sealed}));
    REQUIRE(answer);
    CHECK(answer->plain.text() == plain);
    const auto none = gpg::read_answer(decrypt({{1, 2, 3}}));
    REQUIRE_FALSE(none);
    CHECK(none.error().kind == failure_kind::message);
}

TEST_CASE("a worker tells why it could not") {
    const auto wrong = gpg::read_answer(decrypt({keys().sealed}, "wrong"));
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().kind == failure_kind::pass_phrase);
    const auto request =
        gpg::write_request(keys().home.path(), pass_phrase::none(), message_list{keys().sealed});
    const auto missing = gpg::read_answer(work(request.bytes(), 0, "/nonexistent/gpg"));
    REQUIRE_FALSE(missing);
    CHECK(missing.error().kind == failure_kind::program);
    CHECK_THAT(missing.error().text, Catch::Contains("/nonexistent/gpg"));
}

TEST_CASE("half a request is none") {
    const auto request =
        gpg::write_request(keys().home.path(), pass_phrase::none(), message_list{keys().sealed});
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{3}, std::size_t{30}, request.size() - 1}) {
        CHECK(work(request.bytes().first(size), 1).empty());
    }
    std::vector<std::uint8_t> more{request.bytes().begin(), request.bytes().end()};
    more.push_back(0);
    CHECK(work(more, 1).empty());
}

TEST_CASE("what a worker that was taken over writes is data, or no answer") {
    const std::string whole = decrypt({keys().sealed});
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto cut = gpg::read_answer(whole.substr(0, size));
        REQUIRE_FALSE(cut);
        CHECK(cut.error().kind == failure_kind::internal);
    }
    CHECK_FALSE(gpg::read_answer(whole + "x"));
    // Each of its numbers made huge.
    for (std::size_t at = 0; at + 4 <= whole.size(); at += 4) {
        auto twisted = whole;
        std::memset(twisted.data() + at, 0xff, 4);
        static_cast<void>(gpg::read_answer(twisted));
    }
}
