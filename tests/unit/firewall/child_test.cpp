// SPDX-License-Identifier: Apache-2.0
#include "firewall/child.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <catch2/catch.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace fwknop;
using namespace std::chrono_literals;

namespace asio = boost::asio;

namespace {

// Scripts that the tests run, in a directory of their own.
class scripts {
  public:
    scripts() {
        std::string name =
            (std::filesystem::temp_directory_path() / "fwknop-child-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        directory_ = name;
    }
    scripts(const scripts&) = delete;
    scripts& operator=(const scripts&) = delete;
    ~scripts() { std::filesystem::remove_all(directory_); }

    [[nodiscard]] std::filesystem::path path(const std::string& name) const {
        return directory_ / name;
    }
    [[nodiscard]] child_command make(const std::string& body) const {
        child_command command;
        command.path = path("script");
        std::ofstream{command.path} << "#!/bin/sh\n" << body;
        ::chmod(command.path.c_str(), 0700);
        return command;
    }

  private:
    std::filesystem::path directory_;
};

child_result run(child_command command) {
    asio::io_context context;
    std::optional<child_result> result;
    asio::co_spawn(context, run_child(std::move(command)),
                   [&](std::exception_ptr error, child_result ended) {
                       REQUIRE_FALSE(error);
                       result = std::move(ended);
                   });
    context.run();
    REQUIRE(result);
    return *result;
}

std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
        ++count;
    return count;
}

bool has_children() {
    return ::waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD;
}

} // namespace

TEST_CASE("a child reads its input and is heard") {
    const scripts here;
    auto command = here.make("cat; echo \"$1|$2\"; echo bad >&2; exit 0\n");
    command.arguments = {"one word", "$(two)"};
    command.input = "line\n";
    const auto result = run(command);
    CHECK(result.ok());
    CHECK(result.output == "line\none word|$(two)\n");
    CHECK(result.errors == "bad\n");
    CHECK_FALSE(has_children());
}

TEST_CASE("how a child ends is told apart") {
    const scripts here;
    auto failing = here.make("echo no such thing >&2; echo twice >&2; exit 3\n");
    auto result = run(failing);
    CHECK(result.end == child_end::exited);
    CHECK(result.code == 3);
    CHECK_FALSE(result.uncertain());
    CHECK(describe_failure(failing, result) ==
          failing.path + ": exit status 3: no such thing; twice");

    auto killed = here.make("kill -9 $$\n");
    result = run(killed);
    CHECK(result.end == child_end::signalled);
    CHECK(result.code == SIGKILL);
    CHECK(result.uncertain());
    CHECK(describe_failure(killed, result) == killed.path + ": was ended by signal 9");

    child_command missing;
    missing.path = here.path("nothing");
    result = run(missing);
    CHECK(result.end == child_end::not_started);
    CHECK(describe_failure(missing, result) ==
          missing.path + ": cannot be started: No such file or directory");
}

TEST_CASE("a child that does not finish is killed with all it started") {
    const scripts here;
    auto command =
        here.make("echo $$ > " + here.path("pid").string() + "\nsleep 100 &\necho $! > " +
                  here.path("child").string() + "\necho partly\nwait\n");
    command.time_limit = 200ms;
    const auto begin = std::chrono::steady_clock::now();
    const auto result = run(command);
    const auto took = std::chrono::steady_clock::now() - begin;
    CHECK(result.end == child_end::time_limit);
    CHECK(result.uncertain());
    CHECK(result.output == "partly\n");
    CHECK(took >= 200ms);
    CHECK(took < 3s);
    CHECK(describe_failure(command, result) ==
          command.path + ": did not finish within 0.2 s and was killed");
    pid_t grandchild = 0;
    std::ifstream{here.path("child")} >> grandchild;
    REQUIRE(grandchild > 1);
    // It dies on its own time: then it is gone, or a zombie until init looks.
    std::string state;
    for (int tries = 0; tries < 100; ++tries) {
        std::ifstream stat{"/proc/" + std::to_string(grandchild) + "/stat"};
        state = std::string{std::istreambuf_iterator<char>{stat}, {}};
        if (state.empty() || state.find(") Z ") != std::string::npos) break;
        ::usleep(10'000);
    }
    CHECK((state.empty() || state.find(") Z ") != std::string::npos));
}

TEST_CASE("a megabyte on both streams blocks nobody and is bounded") {
    const scripts here;
    auto command = here.make("head -c 1048576 /dev/zero | tr '\\0' x\n"
                             "head -c 1048576 /dev/zero | tr '\\0' y >&2\n");
    command.max_output = 1000;
    const auto result = run(command);
    CHECK(result.ok());
    CHECK(result.output == std::string(1000, 'x'));
    CHECK(result.output_cut);
    CHECK(result.errors == std::string(64 * 1024, 'y'));

    command.max_output = 2'000'000;
    const auto whole = run(command);
    CHECK(whole.output.size() == 1'048'576);
    CHECK_FALSE(whole.output_cut);
}

TEST_CASE("a child that never reads its input is no trouble") {
    const scripts here;
    auto command = here.make("exit 0\n");
    command.input.assign(4'000'000, 'x');
    CHECK(run(command).ok());
}

TEST_CASE("what a child leaves behind does not hold up the result") {
    const scripts here;
    const auto command = here.make("sleep 3 &\necho done\n");
    const auto begin = std::chrono::steady_clock::now();
    const auto result = run(command);
    CHECK(result.ok());
    CHECK(result.output == "done\n");
    CHECK(std::chrono::steady_clock::now() - begin < 2s);
}

TEST_CASE("a child starts from a clean slate") {
    const scripts here;
    ::setenv("FWKNOP_SECRET", "leak", 1);
    std::array<int, 2> inherited{};
    REQUIRE(::pipe(inherited.data()) == 0); // no close-on-exec: must be closed all the same
    std::signal(SIGPIPE, SIG_IGN);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &blocked, nullptr);

    child_command command;
    command.path = "/usr/bin/env";
    CHECK(run(command).output ==
          "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nLC_ALL=C\n");
    CHECK(run(here.make("pwd")).output == "/\n");
    // The shell reads its script from a descriptor of its own, and ls its directory.
    command.path = "/bin/ls";
    command.arguments = {"/proc/self/fd"};
    CHECK(run(command).output == "0\n1\n2\n3\n");
    command.path = "/bin/grep";
    for (const std::string field : {"SigBlk", "SigIgn"}) {
        command.arguments = {"^" + field, "/proc/self/status"};
        const auto signals = std::stoull(run(command).output.substr(field.size() + 2), nullptr, 16);
        CHECK((signals & 0x7fffffff) == 0); // 32 and 33 belong to the C library
    }

    ::sigprocmask(SIG_UNBLOCK, &blocked, nullptr);
    std::signal(SIGPIPE, SIG_DFL);
    ::close(inherited[0]);
    ::close(inherited[1]);
    ::unsetenv("FWKNOP_SECRET");
}

TEST_CASE("cancelling kills and reaps") {
    const scripts here;
    asio::io_context context;
    asio::cancellation_signal signal;
    std::optional<child_result> result;
    bool threw = false;
    asio::co_spawn(context, run_child(here.make("sleep 100\n")),
                   asio::bind_cancellation_slot(signal.slot(),
                                                [&](std::exception_ptr error, child_result ended) {
                                                    threw = error != nullptr;
                                                    result = std::move(ended);
                                                }));
    asio::steady_timer timer{context, 100ms};
    timer.async_wait([&](auto) { signal.emit(asio::cancellation_type::terminal); });
    const auto begin = std::chrono::steady_clock::now();
    context.run();
    CHECK(std::chrono::steady_clock::now() - begin < 3s);
    REQUIRE(result);
    CHECK_FALSE(threw);
    CHECK(result->end == child_end::cancelled);
    CHECK(result->uncertain());
    CHECK_FALSE(has_children());
}

TEST_CASE("a child is not left behind when the loop is torn down") {
    const scripts here;
    {
        asio::io_context context;
        asio::co_spawn(context, run_child(here.make("sleep 100\n")),
                       [](std::exception_ptr, child_result) {});
        context.run_for(100ms);
        CHECK(has_children());
    }
    CHECK_FALSE(has_children());
}

TEST_CASE("no descriptor leaks, however a child ends") {
    const scripts here;
    auto good = here.make("exit 0\n");
    run(good);
    const std::size_t before = open_descriptors();
    for (int i = 0; i < 5; ++i) {
        run(good);
        run({.path = here.path("nothing"),
             .arguments = {},
             .input = {},
             .max_output = 1,
             .max_errors = 1});
    }
    auto slow = here.make("sleep 100\n");
    slow.time_limit = 20ms;
    run(slow);
    CHECK(open_descriptors() == before);
}
