// SPDX-License-Identifier: Apache-2.0
#include "client/temporary_folder.hpp"
#include "daemon/command_runner.hpp"
#include "daemon/knock.hpp"
#include "daemon/log_lines.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <algorithm>

using namespace fwknop;
using namespace fwknop::daemon;
using namespace fwknop::test;
using fwknop::daemon::test::lines;
using fwknop::daemon::test::log_lines;

namespace {

const std::string head = "[192.0.2.7] (stanza #3) ";

struct running {
    log_lines log;
    boost::asio::io_context context;
    command_runner commands{context.get_executor()};

    void start(std::vector<std::string> words) {
        command_decision what;
        what.words = std::move(words);
        what.time_limit = std::chrono::seconds{10};
        commands.run(std::move(what), at("192.0.2.7"), 3);
    }
    lines finish(std::vector<std::string> words) {
        start(std::move(words));
        context.restart();
        context.run();
        CHECK(commands.running() == 0);
        return log.take();
    }
};

} // namespace

TEST_CASE_METHOD(running, "a command is told when it begins and how it ended") {
    CHECK(finish({"true"}) == lines{head + "Running command 'true'",
                                    head + "CMD_EXEC: command returned 0, pid_status: 0"});
    CHECK(finish({"/bin/sh", "-c", "exit 3"}).back() ==
          head + "CMD_EXEC: command returned 0, pid_status: 3");
    CHECK(finish({"/bin/sh", "-c", "kill -9 $$"}).back() ==
          head + "CMD_EXEC: command returned 16, pid_status: 9");
}

TEST_CASE_METHOD(running, "a command that cannot be started says why") {
    const auto path = finish({"/nonexistent/x"});
    REQUIRE(path.size() == 3);
    CHECK(path[1] == head + "CMD_EXEC: /nonexistent/x: cannot be started: No such file or "
                            "directory");
    CHECK(path[2] == head + "CMD_EXEC: command returned 0, pid_status: 255");
    CHECK_THAT(finish({"nonexistent-x"}).at(1),
               Catch::Contains("nonexistent-x: cannot be started: no such program in /usr/local"));
}

TEST_CASE_METHOD(running, "what a command prints is one bounded line each") {
    CHECK(finish({"/bin/sh", "-c", "echo a; echo b >&2"}) ==
          lines{head + "Running command '/bin/sh -c echo a; echo b >&2'",
                head + "CMD_EXEC: output: a\\x0a", head + "CMD_EXEC: error output: b\\x0a",
                head + "CMD_EXEC: command returned 0, pid_status: 0"});
    const auto loud = finish({"/bin/sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x"});
    CHECK(loud.at(1) == head + "CMD_EXEC: output: " + std::string(4096, 'x') + " [cut]");
}

TEST_CASE_METHOD(running, "another user is named") {
    command_decision what;
    what.words = {"/nonexistent/x"};
    what.run_as = account{5, 60, {60}, "amy", "players"};
    what.other_user = true;
    commands.run(what, at("192.0.2.7"), 3);
    CHECK(log.take() == lines{head + "Running command '/nonexistent/x' setuid/setgid user/group "
                                     "to amy/players (UID=5,GID=60)"});
    context.run();
}

TEST_CASE_METHOD(running, "so many commands and no more") {
    for (std::size_t i = 0; i < command_runner::max_running; ++i) start({"true"});
    CHECK(commands.running() == command_runner::max_running);
    static_cast<void>(log.take());
    start({"true"});
    CHECK(log.take() == lines{head + "CMD_EXEC: command refused, because 16 commands still run"});
    context.run();
    CHECK(std::ranges::count(log.take(), head + "CMD_EXEC: command returned 0, pid_status: 0") ==
          16);
    CHECK(finish({"true"}).size() == 2);
}
