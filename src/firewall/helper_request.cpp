// SPDX-License-Identifier: Apache-2.0
//
// The attack: whoever has found a way to run code in the daemon, which reads what strangers send,
// asks the helper for a program that gives more than the daemon has.

#include "firewall/helper_request.hpp"

#include "firewall/script_check.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

namespace fwknop {

namespace {

constexpr std::uint32_t request_mark = 0x66776b31; // "fwk1"

struct request_head {
    std::uint32_t mark = request_mark;
    std::uint32_t size = 0; ///< of all of it
    std::uint32_t has_identity = 0;
    std::uint32_t user = 0;
    std::uint32_t group = 0;
    std::uint32_t groups = 0;
    std::uint32_t arguments = 0;
    std::uint32_t unused = 0;
    std::uint64_t time_limit = 0; ///< milliseconds
};
static_assert(std::has_unique_object_representations_v<request_head>);

struct answer_bytes {
    std::uint32_t what = 0;
    std::int32_t value = 0;
    std::uint32_t refusals = 0;
};
static_assert(sizeof(answer_bytes) == helper_answer_size);

void append(std::vector<std::uint8_t>& to, const void* from, std::size_t size) {
    const std::size_t before = to.size();
    to.resize(before + size);
    std::memcpy(to.data() + before, from, size);
}

/// Takes the next of the strings, each of which ends with a zero byte.
std::optional<std::string> take_string(std::span<const std::uint8_t>& rest) {
    const auto end = std::ranges::find(rest, std::uint8_t{0});
    if (end == rest.end()) return std::nullopt;
    std::string text(rest.begin(), end);
    rest = rest.subspan(text.size() + 1);
    return text;
}

bool fits(const listed_program& call, std::span<const std::string> arguments) {
    const std::size_t count = call.words.size();
    if (arguments.size() < count) return false;
    const auto is_word = [](const listed_word& listed, const std::string& word) {
        return listed ? word == *listed : !word.empty() && !word.starts_with('-');
    };
    if (!std::ranges::equal(call.words, arguments.first(count), is_word)) return false;
    const auto rest = arguments.subspan(count);
    return rest.empty() || (call.rest == listed_rest::iptables_words &&
                            std::ranges::none_of(rest, may_name_program));
}

} // namespace

std::string_view text_of(helper_refusal why) noexcept {
    switch (why) {
    case helper_refusal::malformed:
        return "the helper process could not read the request";
    case helper_refusal::too_large:
        return "its arguments, groups or time limit are more than the helper process takes";
    case helper_refusal::descriptors:
        return "the helper process was not given the right descriptors";
    case helper_refusal::not_listed:
        return "the helper process may not start it: it was not configured when fwknopd started";
    case helper_refusal::arguments:
        return "the helper process may not start it with these arguments";
    case helper_refusal::input:
        return "the helper process may not have it read what names a program or a file";
    case helper_refusal::account:
        return "the helper process may not start programs as that user and group: they were not "
               "configured when fwknopd started, restart it";
    case helper_refusal::too_many:
        return "too many programs run already";
    }
    return "the helper process refused it";
}

std::variant<std::vector<std::uint8_t>, helper_refusal>
write_request(const start_request& request) {
    const auto has_zero = [](const std::string& text) {
        return text.find('\0') != std::string::npos;
    };
    if (has_zero(request.path) || std::ranges::any_of(request.arguments, has_zero))
        return helper_refusal::malformed;
    const std::size_t groups = request.run_as ? request.run_as->groups.size() : 0;
    if (request.arguments.size() > max_helper_arguments || groups > max_helper_groups ||
        request.time_limit.count() < 0 || request.time_limit > max_helper_time_limit)
        return helper_refusal::too_large;

    request_head head;
    head.arguments = static_cast<std::uint32_t>(request.arguments.size());
    head.time_limit = static_cast<std::uint64_t>(request.time_limit.count());
    std::vector<std::uint8_t> message(sizeof head);
    if (request.run_as) {
        head.has_identity = 1;
        head.user = request.run_as->user;
        head.group = request.run_as->group;
        head.groups = static_cast<std::uint32_t>(groups);
        for (const std::uint32_t group : request.run_as->groups)
            append(message, &group, sizeof group);
    }
    append(message, request.path.c_str(), request.path.size() + 1);
    for (const std::string& argument : request.arguments)
        append(message, argument.c_str(), argument.size() + 1);
    if (message.size() > max_helper_request) return helper_refusal::too_large;
    head.size = static_cast<std::uint32_t>(message.size());
    std::memcpy(message.data(), &head, sizeof head);
    return message;
}

std::variant<start_request, helper_refusal> read_request(std::span<const std::uint8_t> message) {
    request_head head;
    if (message.size() > max_helper_request) return helper_refusal::too_large;
    if (message.size() < sizeof head) return helper_refusal::malformed;
    std::memcpy(&head, message.data(), sizeof head);
    if (head.mark != request_mark || head.size != message.size() || head.has_identity > 1 ||
        head.unused != 0)
        return helper_refusal::malformed;
    if (head.has_identity == 0 && (head.user != 0 || head.group != 0 || head.groups != 0))
        return helper_refusal::malformed;
    if (head.arguments > max_helper_arguments || head.groups > max_helper_groups ||
        head.time_limit > static_cast<std::uint64_t>(max_helper_time_limit.count()))
        return helper_refusal::too_large;

    auto rest = message.subspan(sizeof head);
    start_request request;
    request.time_limit = std::chrono::milliseconds{static_cast<std::int64_t>(head.time_limit)};
    if (head.has_identity == 1) {
        const std::size_t size = head.groups * sizeof(std::uint32_t);
        if (rest.size() < size) return helper_refusal::malformed;
        request.run_as = child_identity{head.user, head.group, std::vector<gid_t>(head.groups)};
        if (size != 0) std::memcpy(request.run_as->groups.data(), rest.data(), size);
        rest = rest.subspan(size);
    }
    auto path = take_string(rest);
    if (!path || !path->starts_with('/')) return helper_refusal::malformed;
    request.path = *std::move(path);
    request.arguments.reserve(head.arguments);
    for (std::uint32_t i = 0; i < head.arguments; ++i) {
        auto argument = take_string(rest);
        if (!argument) return helper_refusal::malformed;
        request.arguments.push_back(*std::move(argument));
    }
    if (!rest.empty()) return helper_refusal::malformed;
    return request;
}

std::array<std::uint8_t, helper_answer_size> write_answer(const helper_answer& answer) noexcept {
    return std::bit_cast<std::array<std::uint8_t, helper_answer_size>>(
        answer_bytes{static_cast<std::uint32_t>(answer.what), answer.value, answer.refusals});
}

std::optional<helper_answer> read_answer(std::span<const std::uint8_t> message) {
    answer_bytes bytes;
    if (message.size() != sizeof bytes) return std::nullopt;
    std::memcpy(&bytes, message.data(), sizeof bytes);
    if (bytes.what > static_cast<std::uint32_t>(helper_answer::kind::ended)) return std::nullopt;
    return helper_answer{static_cast<helper_answer::kind>(bytes.what), bytes.value, bytes.refusals};
}

const listed_program* find_call(const std::vector<listed_program>& programs,
                                const start_request& request) {
    const auto is_call = [&](const listed_program& each) {
        return each.path == request.path && fits(each, request.arguments);
    };
    const auto found = std::ranges::find_if(programs, is_call);
    return found == programs.end() ? nullptr : &*found;
}

std::optional<helper_refusal> check(const helper_rules& rules, const start_request& request) {
    if (request.run_as) {
        const auto wanted = [&](const child_identity& each) {
            return same_account(each, *request.run_as);
        };
        return std::ranges::any_of(rules.accounts, wanted) ? std::nullopt
                                                           : std::optional{helper_refusal::account};
    }
    if (find_call(rules.programs, request) != nullptr) return std::nullopt;
    return std::ranges::count(rules.programs, request.path, &listed_program::path) != 0
               ? helper_refusal::arguments
               : helper_refusal::not_listed;
}

} // namespace fwknop
