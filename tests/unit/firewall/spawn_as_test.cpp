// SPDX-License-Identifier: Apache-2.0
#include "firewall/child.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <array>
#include <cerrno>
#include <csignal>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

using namespace fwknop;

namespace asio = boost::asio;

namespace {

child_identity ourselves() {
    child_identity who{::geteuid(), ::getegid(), {}};
    who.groups.resize(static_cast<std::size_t>(::getgroups(0, nullptr)));
    REQUIRE(::getgroups(static_cast<int>(who.groups.size()), who.groups.data()) ==
            static_cast<int>(who.groups.size()));
    return who;
}

child_result run(const std::string& path, std::vector<std::string> arguments,
                 child_identity who = ourselves()) {
    child_command command;
    command.path = path;
    command.arguments = std::move(arguments);
    command.run_as = std::move(who);
    asio::io_context context;
    std::optional<child_result> result;
    asio::co_spawn(context, run_child(command), [&](std::exception_ptr error, child_result ended) {
        REQUIRE_FALSE(error);
        result = std::move(ended);
    });
    context.run();
    REQUIRE(result);
    return *result;
}

bool has_children() {
    return ::waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD;
}

} // namespace

TEST_CASE("a child with an identity starts from a clean slate, too") {
    ::setenv("FWKNOP_SECRET", "leak", 1);
    std::array<int, 2> inherited{};
    REQUIRE(::pipe(inherited.data()) == 0); // no close-on-exec: must be closed all the same
    std::signal(SIGPIPE, SIG_IGN);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &blocked, nullptr);

    CHECK(run("/usr/bin/env", {}).output ==
          "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nLC_ALL=C\n");
    CHECK(run("/bin/pwd", {"-P"}).output == "/\n");
    CHECK(run("/bin/ls", {"/proc/self/fd"}).output == "0\n1\n2\n3\n"); // 3 is the directory itself
    for (const std::string field : {"SigBlk", "SigIgn"}) {
        const auto line = run("/bin/grep", {"^" + field, "/proc/self/status"}).output;
        const auto signals = std::stoull(line.substr(field.size() + 2), nullptr, 16);
        CHECK((signals & 0x7fffffff) == 0); // 32 and 33 belong to the C library
    }
    sigset_t now;
    ::sigprocmask(SIG_UNBLOCK, &blocked, &now);
    CHECK(::sigismember(&now, SIGTERM) == 1); // ours is what it was
    CHECK(::sigismember(&now, SIGINT) == 0);
    std::signal(SIGPIPE, SIG_DFL);
    ::close(inherited[0]);
    ::close(inherited[1]);
    ::unsetenv("FWKNOP_SECRET");
}

TEST_CASE("a child with an identity leads a process group of its own") {
    const auto result = run("/bin/sh", {"-c", "ps -o pgid= -p $$; echo $$"});
    REQUIRE(result.ok());
    CHECK(std::stoi(result.output) == std::stoi(result.output.substr(result.output.find('\n'))));
}

TEST_CASE("a child that cannot begin says why and leaves nothing") {
    const auto missing = run("/nonexistent/x", {});
    CHECK(missing.end == child_end::not_started);
    CHECK(missing.errors == "No such file or directory");
    CHECK(run("/etc/passwd", {}).errors == "Permission denied");
    CHECK_FALSE(has_children());
}

TEST_CASE("an identity that cannot be had is no child at all") {
    child_identity other = ourselves();
    other.user += 1;
    other.groups = {other.group + 1};
    const auto result = run("/usr/bin/id", {"-u"}, other);
    if (::geteuid() == 0) {
        CHECK(result.output == std::to_string(other.user) + "\n");
        CHECK(run("/usr/bin/id", {"-G"}, other).output ==
              std::to_string(other.group) + " " + std::to_string(other.group + 1) + "\n");
    } else {
        CHECK(result.end == child_end::not_started);
        CHECK(result.errors == "Operation not permitted");
    }
    CHECK_FALSE(has_children());
}
