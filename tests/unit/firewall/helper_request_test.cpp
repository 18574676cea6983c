// SPDX-License-Identifier: Apache-2.0
#include "firewall/helper_request.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using namespace fwknop;
using namespace std::chrono_literals;

namespace {

// Where the numbers of a request are.
enum place : std::size_t {
    mark = 0,
    size = 4,
    has_identity = 8,
    user = 12,
    groups = 20,
    arguments = 24,
    unused = 28,
    time_limit = 32,
    head = 40,
};

using bytes = std::vector<std::uint8_t>;

start_request sample() {
    return {"/bin/echo", {"one", "", "three words here"}, child_identity{1, 2, {3, 4}}, 1500ms};
}

bytes written(const start_request& request) {
    const auto message = write_request(request);
    REQUIRE(std::holds_alternative<bytes>(message));
    return std::get<bytes>(message);
}

// From a buffer that ends where the message does, so that a sanitizer sees a byte too many.
std::variant<start_request, helper_refusal> read(const bytes& message) {
    const std::unique_ptr<std::uint8_t[]> exact{new std::uint8_t[message.size()]};
    if (!message.empty()) std::memcpy(exact.get(), message.data(), message.size());
    return read_request({exact.get(), message.size()});
}

helper_refusal refusal(const bytes& message) {
    const auto answer = read(message);
    REQUIRE(std::holds_alternative<helper_refusal>(answer));
    return std::get<helper_refusal>(answer);
}

template <class Number>
bytes changed(bytes message, std::size_t where, Number to) {
    std::memcpy(message.data() + where, &to, sizeof to);
    return message;
}

bytes resized(bytes message, std::size_t to) {
    message.resize(to);
    return changed(std::move(message), size, static_cast<std::uint32_t>(to));
}

} // namespace

TEST_CASE("a request for a child comes through as it was") {
    for (const auto& request :
         {sample(), start_request{"/x", {}, std::nullopt, 0ms},
          start_request{"/x", {}, child_identity{0, 0, {}}, max_helper_time_limit}}) {
        const auto back = read(written(request));
        REQUIRE(std::holds_alternative<start_request>(back));
        CHECK(std::get<start_request>(back) == request);
    }
}

TEST_CASE("a request for a child that is cut short or too long is refused") {
    const bytes whole = written(sample());
    for (std::size_t length = 0; length < whole.size(); ++length) {
        CHECK(refusal(bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length))) ==
              helper_refusal::malformed);
        if (length >= head) CHECK(refusal(resized(whole, length)) == helper_refusal::malformed);
    }
    CHECK(refusal(resized(whole, whole.size() + 1)) == helper_refusal::malformed);
    bytes longer = whole;
    longer.push_back(0);
    CHECK(refusal(longer) == helper_refusal::malformed);
}

TEST_CASE("counts of a request for a child that are not true are refused") {
    const bytes whole = written(sample());
    const auto with = [&](std::size_t where, std::uint32_t to) {
        return refusal(changed(whole, where, to));
    };
    CHECK(with(mark, 0) == helper_refusal::malformed);
    CHECK(with(unused, 1) == helper_refusal::malformed);
    CHECK(with(has_identity, 2) == helper_refusal::malformed);
    CHECK(with(has_identity, 0) == helper_refusal::malformed); // but there is one
    for (const std::uint32_t wrong : {0U, 1U, 4U, 100U})
        CHECK(with(groups, wrong) == helper_refusal::malformed);
    for (const std::uint32_t wrong : {0U, 2U, 4U}) // one less leaves a string over
        CHECK(with(arguments, wrong) == helper_refusal::malformed);
    for (const std::uint32_t wrong : {0x4000'0001U, 0xffff'ffffU}) { // times four is small again
        CHECK(with(groups, wrong) == helper_refusal::too_large);
        CHECK(with(arguments, wrong) == helper_refusal::too_large);
    }
    CHECK(refusal(changed(whole, time_limit, ~std::uint64_t{0})) == helper_refusal::too_large);
    CHECK(refusal(changed(whole, time_limit, std::uint64_t{8'388'608'001})) ==
          helper_refusal::too_large);

    const bytes plain = written({"/x", {}, std::nullopt, 1ms});
    CHECK(refusal(changed(plain, user, std::uint32_t{1})) == helper_refusal::malformed);
    bytes relative = plain;
    relative[head] = 'x';
    CHECK(refusal(relative) == helper_refusal::malformed);
}

TEST_CASE("each bound of a request for a child holds on both sides") {
    const auto refused = [](const start_request& request) {
        const auto message = write_request(request);
        return std::holds_alternative<helper_refusal>(message) &&
               std::get<helper_refusal>(message) == helper_refusal::too_large;
    };
    start_request request{"/x", std::vector<std::string>(max_helper_arguments), std::nullopt, 1ms};
    const bytes most = written(request);
    CHECK(std::holds_alternative<start_request>(read(most)));
    request.arguments.emplace_back();
    CHECK(refused(request));
    bytes more = resized(most, most.size() + 1);
    more = changed(more, arguments, static_cast<std::uint32_t>(max_helper_arguments + 1));
    CHECK(refusal(more) == helper_refusal::too_large);

    request = {"/x", {}, child_identity{1, 1, std::vector<gid_t>(max_helper_groups, 7)}, 1ms};
    const bytes grouped = written(request);
    CHECK(std::holds_alternative<start_request>(read(grouped)));
    request.run_as->groups.push_back(7);
    CHECK(refused(request));
    more = resized(grouped, grouped.size() + 4);
    more = changed(more, groups, static_cast<std::uint32_t>(max_helper_groups + 1));
    CHECK(refusal(more) == helper_refusal::too_large);

    request = {"/x", {std::string(max_helper_request - head - 4, 'a')}, std::nullopt, 1ms};
    const bytes longest = written(request);
    CHECK(longest.size() == max_helper_request);
    CHECK(std::holds_alternative<start_request>(read(longest)));
    request.arguments.front() += 'a';
    CHECK(refused(request));
    CHECK(refusal(resized(longest, longest.size() + 1)) == helper_refusal::too_large);

    request = {"/x", {}, std::nullopt, max_helper_time_limit + 1ms};
    CHECK(refused(request));
    request = {"/x", {std::string{"a\0b", 3}}, std::nullopt, 1ms};
    const auto two_words = write_request(request); // a zero byte would make two words of it
    REQUIRE(std::holds_alternative<helper_refusal>(two_words));
    CHECK(std::get<helper_refusal>(two_words) == helper_refusal::malformed);
}

TEST_CASE("a helper's answer has one length and one of five kinds") {
    const helper_answer answer{helper_answer::kind::ended, -7, 3};
    const auto written = write_answer(answer);
    const bytes message(written.begin(), written.end());
    CHECK(read_answer(message) == answer);
    CHECK_FALSE(read_answer(bytes(message.begin(), message.end() - 1)));
    bytes longer = message;
    longer.push_back(0);
    CHECK_FALSE(read_answer(longer));
    CHECK_FALSE(read_answer(changed(message, 0, std::uint32_t{5})));
    CHECK_FALSE(read_answer({}));
}

TEST_CASE("a helper starts what was named, and nothing else") {
    const helper_rules rules{{{"/sbin/filter", {}, listed_rest::iptables_words},
                              {"/sbin/save", {"-t", any_value}},
                              {"/sbin/save", {"-V"}},
                              {"/proc/self/exe", {"--worker", ""}}},
                             {child_identity{5, 6, {6, 7}}}};
    const auto verdict = [&](const std::string& path, std::vector<std::string> words,
                             std::optional<child_identity> who = std::nullopt) {
        return check(rules, {path, std::move(words), std::move(who), 1ms});
    };
    CHECK_FALSE(verdict("/sbin/filter", {}));
    CHECK_FALSE(verdict("/sbin/filter", {"anything"}));
    CHECK_FALSE(verdict("/sbin/filter", {"-A", "INPUT", "-m", "comment", "--comment", "Mark"}));
    CHECK_FALSE(verdict("/proc/self/exe", {"--worker", ""}));
    CHECK_FALSE(verdict("/sbin/save", {"-t", "nat"}));
    CHECK_FALSE(verdict("/sbin/save", {"-V"}));
    for (const auto& [path, words] : std::vector<std::pair<std::string, std::vector<std::string>>>{
             {"/sbin/filter", {"-A", "INPUT", "--modprobe=/bin/evil"}},
             {"/sbin/filter", {"-M", "/bin/evil"}},
             {"/sbin/save", {}},
             {"/sbin/save", {"-t"}},
             {"/sbin/save", {"-t", ""}},
             {"/sbin/save", {"-t", "-V"}},
             {"/sbin/save", {"-t", "nat", "nat"}},
             {"/sbin/save", {"-V", "-t", "nat"}},
             {"/proc/self/exe", {}},
             {"/proc/self/exe", {"--worker"}},
             {"/proc/self/exe", {"--worker", "more"}},
             {"/proc/self/exe", {"--worker", "", ""}},
             {"/proc/self/exe", {"--workers", ""}},
             {"/proc/self/exe", {"", "--worker"}}})
        CHECK(verdict(path, words) == helper_refusal::arguments);
    CHECK(verdict("/sbin/filters", {}) == helper_refusal::not_listed);
    CHECK(verdict("/sbin//filter", {}) == helper_refusal::not_listed);
    CHECK(verdict("/bin/sh", {}) == helper_refusal::not_listed);

    CHECK_FALSE(verdict("/bin/sh", {"-c", "id"}, child_identity{5, 6, {7, 6}}));
    for (const auto& other :
         {child_identity{0, 0, {}}, child_identity{5, 6, {}}, child_identity{5, 6, {6, 7, 0}},
          child_identity{5, 0, {6, 7}}, child_identity{0, 6, {6, 7}}})
        CHECK(verdict("/bin/sh", {}, other) == helper_refusal::account);
    CHECK(check({{{"/bin/sh"}}, {}}, {"/bin/sh", {}, child_identity{}, 1ms}) ==
          helper_refusal::account);
}
