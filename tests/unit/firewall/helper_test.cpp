// SPDX-License-Identifier: Apache-2.0
#include "firewall/child.hpp"
#include "firewall/helper.hpp"
#include "firewall/helper_access.hpp"
#include "helper_samples.hpp"

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
using test::ourselves;
using test::some_rules;

namespace asio = boost::asio;

namespace {

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

} // namespace

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

TEST_CASE("a helper looks through a script for the packet filter") {
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
