// SPDX-License-Identifier: Apache-2.0
#include "firewall/child.hpp"
#include "firewall/helper.hpp"
#include "firewall/helper_access.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace fwknop;
using namespace std::chrono_literals;

namespace asio = boost::asio;

namespace {

child_identity ourselves() {
    child_identity who{::geteuid(), ::getegid(), {}};
    who.groups.resize(static_cast<std::size_t>(::getgroups(0, nullptr)));
    REQUIRE(::getgroups(static_cast<int>(who.groups.size()), who.groups.data()) >= 0);
    return who;
}

helper_rules some_rules() {
    return {{{"/bin/sh", {"-c", any_value}},
             {"/bin/sh", {"-c", any_value, any_value, any_value}},
             {"/bin/cat", {"-"}, listed_rest::nothing, listed_input::iptables_script},
             {"/usr/bin/env"},
             {"/does/not/exist"}},
            {ourselves()}};
}

// A context whose children a helper starts.
struct stage {
    helper process;
    asio::io_context context;
    bool helper_ended = false;

    explicit stage(const helper_rules& rules = some_rules(),
                   std::chrono::milliseconds patience = helper_patience)
        : process{rules, [] {}} {
        helper_access::begin(
            context, process.take_requests(), [this] { helper_ended = true; }, patience);
    }

    child_result run(child_command command) {
        std::optional<child_result> result;
        asio::co_spawn(context, run_child(std::move(command)),
                       [&](std::exception_ptr error, child_result ended) {
                           REQUIRE_FALSE(error);
                           result = std::move(ended);
                       });
        for (const auto end = std::chrono::steady_clock::now() + 20s;
             !result && std::chrono::steady_clock::now() < end;)
            context.run_one_for(1s);
        REQUIRE(result);
        return *result;
    }

    child_result shell(const std::string& script) {
        child_command command;
        command.path = "/bin/sh";
        command.arguments = {"-c", script};
        return run(std::move(command));
    }
};

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

/// Whether it is dead in time, if perhaps not reaped yet by who has inherited it.
bool ends(pid_t pid) {
    const auto alive = [&] {
        std::ifstream file{"/proc/" + std::to_string(pid) + "/stat"};
        std::string number;
        std::string name;
        std::string state;
        return file >> number >> name >> state && state != "Z";
    };
    for (int i = 0; i < 500 && alive(); ++i) ::usleep(10'000);
    return !alive();
}

TEST_CASE("a helper starts a child that reads its input and is heard") {
    stage here;
    child_command command;
    command.path = "/bin/sh";
    command.arguments = {"-c", "cat; echo \"$0|$1\"; echo bad >&2; exit 3", "one word", "$(two)"};
    command.input = "text\n";
    pid_t told = 0;
    command.started = [&](pid_t pid) { told = pid; };
    const auto result = here.run(command);
    CHECK(result.end == child_end::exited);
    CHECK(result.code == 3);
    CHECK(result.output == "text\none word|$(two)\n");
    CHECK(result.errors == "bad\n");
    CHECK(told > 0);
    CHECK(here.shell("echo $PPID").output == std::to_string(here.process.pid()) + "\n");
    CHECK(here.shell("kill -TERM $$").end == child_end::signalled);
    CHECK_FALSE(here.helper_ended);
}

TEST_CASE("a helper's child starts from a clean slate") {
    ::setenv("FWKNOP_SECRET", "leak", 1);
    stage here;
    child_command command;
    command.path = "/usr/bin/env";
    CHECK(here.run(command).output ==
          "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nLC_ALL=C\n");
    CHECK(here.shell("pwd -P; exec ls /proc/self/fd").output == "/\n0\n1\n2\n3\n");
    const auto ignored = here.shell("grep ^SigIgn /proc/self/status").output;
    CHECK((std::stoull(ignored.substr(7), nullptr, 16) & 0x7fffffff) == 0);
}

TEST_CASE("a helper's child is killed at its time limit, with what it started") {
    stage here;
    child_command command;
    command.path = "/bin/sh";
    command.arguments = {"-c", "sleep 60 & echo $!; wait"};
    command.time_limit = 100ms;
    const auto result = here.run(command);
    CHECK(result.end == child_end::time_limit);
    const pid_t grandchild = std::stoi(result.output);
    CHECK(ends(grandchild));
}

TEST_CASE("a helper refuses what it was not told of, says why, and goes on") {
    stage here;
    child_command command;
    command.path = "/bin/ls";
    auto result = here.run(command);
    CHECK(result.end == child_end::not_started);
    CHECK(result.errors == text_of(helper_refusal::not_listed));
    command.run_as = child_identity{12345, 12345, {}};
    result = here.run(command);
    CHECK(result.end == child_end::not_started);
    CHECK(result.errors == text_of(helper_refusal::account));
    CHECK(helper_access::of(here.context.get_executor())->refusals() == 2);

    command.run_as = ourselves();
    command.arguments = {"-d", "/"};
    CHECK(here.run(command).output == "/\n");
    command.run_as.reset();
    command.path = "/bin/sh";
    for (const auto& words : std::vector<std::vector<std::string>>{
             {}, {"-c"}, {"-c", "-"}, {"-c", "id", "more"}, {"-x", "-c", "id"}}) {
        command.arguments = words;
        CHECK(here.run(command).errors == text_of(helper_refusal::arguments));
    }
    command = {};
    command.path = "/does/not/exist";
    CHECK(here.run(command).errors == "No such file or directory");
    command.path = "/bin/sh";
    command.arguments.assign(max_helper_arguments + 1, "x");
    CHECK(here.run(command).errors == text_of(helper_refusal::too_large));
    CHECK(here.shell("exit 0").ok());
}

TEST_CASE("a helper looks through a script for the packet filter, and hands on what it saw") {
    stage here;
    child_command command;
    command.path = "/bin/cat";
    command.arguments = {"-"};
    command.input = "*filter\n-A INPUT -j ACCEPT\nCOMMIT\n";
    CHECK(here.run(command).output == command.input);
    command.input = "*filter\n-M /bin/evil -A INPUT -j ACCEPT\nCOMMIT\n";
    const auto result = here.run(command);
    CHECK(result.end == child_end::not_started);
    CHECK(result.errors == text_of(helper_refusal::input));
    command.input = std::string(max_helper_input + 1, '\n');
    CHECK(here.run(command).errors == text_of(helper_refusal::too_large));
    command.input.pop_back();
    CHECK(here.run(command).ok());

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

TEST_CASE("a child is killed when its context goes, and the helper ends") {
    pid_t child = 0;
    pid_t helper_process = 0;
    {
        stage here;
        helper_process = here.process.pid();
        child_command command;
        command.path = "/bin/sh";
        command.arguments = {"-c", "sleep 60"};
        command.time_limit = 60s;
        command.started = [&](pid_t pid) { child = pid; };
        asio::co_spawn(here.context, run_child(command), asio::detached);
        while (child == 0) here.context.run_one_for(1s);
    }
    CHECK(::kill(helper_process, 0) == -1); // reaped
    for (int i = 0; i < 200 && ::kill(child, 0) == 0; ++i) ::usleep(10'000);
    CHECK(::kill(child, 0) == -1);
}

TEST_CASE("a helper that is killed is noticed, and its child's end is uncertain") {
    stage here;
    child_command command;
    command.path = "/bin/sh";
    command.arguments = {"-c", "sleep 0.2"};
    command.started = [&](pid_t) { ::kill(here.process.pid(), SIGKILL); };
    const auto result = here.run(command);
    CHECK(result.uncertain());
    CHECK(result.errors == "the helper process has ended");
    // Its end of one channel may be closed before that of another.
    here.context.restart();
    for (int i = 0; i < 500 && !here.helper_ended; ++i) here.context.run_for(10ms);
    REQUIRE(here.helper_ended);
    here.context.restart(); // nothing was left to do
    const auto later = here.shell("exit 0");
    CHECK(later.end == child_end::not_started);
    CHECK(later.errors == "the helper process has ended");
}

TEST_CASE("a helper that hangs when it is to kill is given up, and does nothing late") {
    stage here{some_rules(), 300ms};
    const std::string trace = "/tmp/fwknop-late-" + std::to_string(::getpid());
    ::kill(here.process.pid(), SIGSTOP);
    child_command command;
    command.path = "/bin/sh";
    command.arguments = {"-c", "echo > " + trace};
    command.time_limit = 100ms;
    const auto result = here.run(command);
    CHECK(result.end == child_end::time_limit);
    CHECK(result.uncertain());
    CHECK(result.errors == "the helper process does not answer");
    CHECK(here.helper_ended);
    here.context.restart();
    CHECK(here.shell("exit 0").end == child_end::not_started);
    ::kill(here.process.pid(), SIGCONT);
    // It finds the end of the requests behind the one that is over, and ends.
    for (int i = 0; i < 500 && ::waitpid(here.process.pid(), nullptr, WNOHANG) == 0; ++i)
        ::usleep(10'000);
    CHECK_FALSE(std::filesystem::exists(trace));
}

TEST_CASE("a helper that answers in time is not given up") {
    stage here{some_rules(), 5s};
    child_command command;
    command.path = "/bin/sh";
    command.arguments = {"-c", "sleep 60"};
    command.time_limit = 50ms;
    CHECK(here.run(command).end == child_end::time_limit);
    CHECK_FALSE(here.helper_ended);
    CHECK(here.shell("exit 0").ok());
}

TEST_CASE("commands end with a helper that is killed, for nobody keeps their time") {
    stage here;
    child_command command;
    command.path = "/bin/sh";
    command.arguments = {"-c", "exec sleep 60"};
    command.run_as = ourselves();
    pid_t child = 0;
    command.started = [&](pid_t pid) {
        child = pid;
        ::kill(here.process.pid(), SIGKILL);
    };
    CHECK(here.run(command).uncertain());
    REQUIRE(child > 0);
    CHECK(ends(child));
    ::kill(child, SIGKILL);
}

TEST_CASE("a helper whose preparation fails never begins") {
    CHECK_THROWS_WITH((helper{{}, [] { ::_exit(0); }}), Catch::Contains("could not be prepared"));
}

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
