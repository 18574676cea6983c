// SPDX-License-Identifier: Apache-2.0
// What reaches a helper by its socket, from a daemon that somebody may have taken over.
#include "firewall/child_files.hpp"
#include "firewall/helper.hpp"
#include "firewall/helper_access.hpp"
#include "helper_samples.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace fwknop;
using namespace std::chrono_literals;
using test::some_rules;

namespace {

// What is sent to a helper's socket by hand.
struct raw {
    helper process{some_rules(), [] {}};
    descriptor requests = process.take_requests();

    std::optional<helper_answer> ask(const std::vector<std::uint8_t>& message,
                                     const std::vector<int>& files, int channel) const {
        std::array<char, CMSG_SPACE(sizeof(int) * 8)> control{};
        iovec part{const_cast<std::uint8_t*>(message.data()), message.size()};
        msghdr head{};
        head.msg_iov = &part;
        head.msg_iovlen = 1;
        if (!files.empty()) {
            const std::size_t size = files.size() * sizeof(int);
            head.msg_control = control.data();
            head.msg_controllen = CMSG_SPACE(size);
            cmsghdr* const rights = CMSG_FIRSTHDR(&head);
            rights->cmsg_level = SOL_SOCKET;
            rights->cmsg_type = SCM_RIGHTS;
            rights->cmsg_len = CMSG_LEN(size);
            std::memcpy(CMSG_DATA(rights), files.data(), size);
        }
        REQUIRE(::sendmsg(requests.get(), &head, MSG_NOSIGNAL) >= 0);
        if (channel < 0) return std::nullopt;
        return hear(channel);
    }

    static std::optional<helper_answer> hear(int channel) {
        pollfd watched{channel, POLLIN, 0};
        REQUIRE(::poll(&watched, 1, 10000) == 1);
        std::array<std::uint8_t, 64> bytes{};
        const ssize_t size = ::recv(channel, bytes.data(), bytes.size(), 0);
        if (size <= 0) return std::nullopt;
        return read_answer({bytes.data(), static_cast<std::size_t>(size)});
    }
};

std::vector<std::uint8_t> request_for(const std::string& path,
                                      std::vector<std::string> arguments = {}) {
    const auto message = write_request({path, std::move(arguments), std::nullopt, 5s});
    REQUIRE(std::holds_alternative<std::vector<std::uint8_t>>(message));
    return std::get<std::vector<std::uint8_t>>(message);
}

bool is(const std::optional<helper_answer>& answer, helper_refusal why, std::uint32_t count) {
    return answer ==
           helper_answer{helper_answer::kind::refused, static_cast<std::int32_t>(why), count};
}

} // namespace

TEST_CASE("a helper believes no descriptors and no lengths") {
    const raw here;
    const auto good = request_for("/bin/sh", {"-c", "exit 4"});
    descriptor_pair channel = make_channel();
    const descriptor_pair out = make_pipe();
    const descriptor input = make_input("");
    const int end = channel.second.get();
    const int hear = channel.first.get();
    const std::vector<int> files{end, input.get(), out.second.get(), out.second.get()};

    std::uint32_t count = 0;
    const auto with = [&](const std::vector<int>& given) { return here.ask(good, given, hear); };
    CHECK(is(with({end}), helper_refusal::descriptors, ++count));
    CHECK(is(with({end, files[1], files[2]}), helper_refusal::descriptors, ++count));
    CHECK(is(with({end, files[1], files[2], files[3], files[3]}), helper_refusal::descriptors,
             ++count));
    CHECK(is(with({end, files[1], files[2], files[3], files[3], files[3]}),
             helper_refusal::descriptors, ++count));
    // A pipe or a socket for input, a file or a socket for output.
    CHECK(
        is(with({end, out.first.get(), files[2], files[3]}), helper_refusal::descriptors, ++count));
    CHECK(is(with({end, end, files[2], files[3]}), helper_refusal::descriptors, ++count));
    CHECK(is(with({end, files[1], files[1], files[3]}), helper_refusal::descriptors, ++count));
    CHECK(is(with({end, files[1], files[2], end}), helper_refusal::descriptors, ++count));

    CHECK(is(here.ask({1}, files, hear), helper_refusal::malformed, ++count));
    const std::vector<std::uint8_t> long_one(max_helper_request + 100);
    CHECK(is(here.ask(long_one, files, hear), helper_refusal::too_large, ++count));
    CHECK(is(here.ask(request_for("/bin/ls"), files, hear), helper_refusal::not_listed, ++count));

    // Nothing but descriptors is no end of the requests, and leaves none of them open.
    const auto open_files = [&] {
        const std::filesystem::path folder{"/proc/" + std::to_string(here.process.pid()) + "/fd"};
        return std::distance(std::filesystem::directory_iterator{folder}, {});
    };
    constexpr int own_files = 4; // the three of every process, and where requests come in
    for (int i = 0; i < 3; ++i)
        CHECK(is(here.ask({}, files, hear), helper_refusal::malformed, ++count));
    // It answers first.
    for (int i = 0; i < 500 && open_files() != own_files; ++i) ::usleep(10'000);
    CHECK(open_files() == own_files);

    // Where the channel should be: nobody can be told, and it is counted all the same.
    for (const auto& wrong : {std::vector<int>{}, {files[1], files[1], files[2], files[3]}}) {
        ++count;
        const auto answer = here.ask(good, wrong, -1);
        CHECK_FALSE(answer);
    }
    const auto started = with(files);
    REQUIRE(started);
    CHECK(started->what == helper_answer::kind::started);
    CHECK(started->refusals == count);
    const auto ended = raw::hear(hear);
    REQUIRE(ended);
    CHECK(ended->what == helper_answer::kind::ended);
    CHECK(ended->value == 4 << 8);
}

TEST_CASE("a helper kills for one word only, and only the channel's own child") {
    const raw here;
    const auto first = make_channel();
    const auto second = make_channel();
    const descriptor_pair out = make_pipe();
    const descriptor input = make_input("");
    const auto start = [&](const descriptor_pair& channel) {
        const auto answer =
            here.ask(request_for("/bin/sh", {"-c", "sleep 60"}),
                     {channel.second.get(), input.get(), out.second.get(), out.second.get()},
                     channel.first.get());
        REQUIRE(answer);
        REQUIRE(answer->what == helper_answer::kind::started);
        return answer->value;
    };
    start(first);
    const pid_t other = start(second);
    for (const std::string word : {"k", "KK", "K1"})
        REQUIRE(::send(first.first.get(), word.data(), word.size(), 0) > 0);
    pollfd quiet{first.first.get(), POLLIN, 0};
    CHECK(::poll(&quiet, 1, 50) == 0);
    helper_access::kill(first.first.get());
    const auto killing = raw::hear(first.first.get());
    REQUIRE(killing);
    CHECK(killing->what == helper_answer::kind::killing);
    const auto ended = raw::hear(first.first.get());
    REQUIRE(ended);
    CHECK(ended->value == SIGKILL);
    CHECK(::kill(other, 0) == 0);
    helper_access::kill(second.first.get());
    CHECK(raw::hear(second.first.get()));

    // Given up before it came to it, as when it was stopped for a while: not begun at all.
    const auto third = make_channel();
    helper_access::kill(third.first.get());
    CHECK(here.ask(request_for("/bin/sh", {"-c", "exit 0"}),
                   {third.second.get(), input.get(), out.second.get(), out.second.get()},
                   third.first.get()) == helper_answer{helper_answer::kind::failed, ECANCELED, 0});
}

TEST_CASE("a helper hands on what it has looked through, and not what it was sent") {
    // Whoever keeps the file can neither change it later nor have it read from somewhere else.
    const raw there;
    const auto channel = make_channel();
    const auto out = make_pipe();
    const std::string text = "x -j ACCEPT\n";
    const descriptor mine = make_input(text);
    REQUIRE(::lseek(mine.get(), 2, SEEK_SET) == 2);
    const auto started =
        there.ask(request_for("/bin/cat", {"-"}),
                  {channel.second.get(), mine.get(), out.second.get(), out.second.get()},
                  channel.first.get());
    REQUIRE(started);
    CHECK(started->what == helper_answer::kind::started);
    REQUIRE(raw::hear(channel.first.get()));
    std::array<char, 64> heard{};
    const ssize_t size = ::read(out.first.get(), heard.data(), heard.size());
    CHECK(std::string(heard.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))) == text);
}
