// SPDX-License-Identifier: Apache-2.0
#include "client/temporary_folder.hpp"
#include "daemon/forked.hpp"
#include "daemon/run_lock.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <filesystem>
#include <string>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

using namespace fwknop::daemon;
using fwknop::client::test::temporary_folder;
using fwknop::daemon::test::forked;

namespace fs = std::filesystem;

namespace {

struct pid_file : temporary_folder {
    const std::string path = file("fwknopd.pid");

    [[nodiscard]] std::string text() const { return read("fwknopd.pid"); }

    /// A daemon in a process of its own, until it is killed.
    [[nodiscard]] auto daemon() const {
        return [this](const forked::teller& tell) -> int {
            const auto lock = run_lock::acquire(path);
            tell();
            for (;;) ::pause();
        };
    }
    [[nodiscard]] std::string refusal() const {
        try {
            const auto lock = run_lock::acquire(path);
            return "acquired";
        } catch (const std::runtime_error& error) {
            return error.what();
        }
    }
};

mode_t mode_of(const std::string& path) {
    struct stat status {};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    return status.st_mode & 07777;
}

std::string run_directory_error(const std::string& path) {
    try {
        make_run_directory(path);
        return {};
    } catch (const std::runtime_error& error) {
        return error.what();
    }
}

} // namespace

TEST_CASE_METHOD(pid_file, "the lock's file has our number, for us alone, and goes with the lock") {
    {
        const auto lock = run_lock::acquire(path);
        CHECK(text() == std::to_string(::getpid()) + "\n");
        CHECK(mode_of(path) == 0600);
        CHECK(run_lock::holder(path) == ::getpid());
    }
    CHECK_FALSE(fs::exists(path));
    CHECK(run_lock::holder(path) == std::nullopt);
}

TEST_CASE_METHOD(pid_file, "a second instance is refused and told the number of the first") {
    forked first{daemon()};
    REQUIRE(first.hear());
    const std::string expected =
        "[*] An instance of fwknopd is already running: (PID=" + std::to_string(first.pid()) + ").";
    CHECK(refusal() == expected);
    CHECK(run_lock::holder(path) == first.pid());
    // Being refused, or asking, takes nothing from the first.
    CHECK(text() == std::to_string(first.pid()) + "\n");
    CHECK(refusal() == expected);
}

TEST_CASE_METHOD(pid_file, "one who holds the lock without a number in the file is refused, too") {
    forked first{daemon()};
    REQUIRE(first.hear());
    write("fwknopd.pid", "");
    CHECK(refusal() == "[*] An instance of fwknopd is already running: (PID=unknown).");
}

TEST_CASE_METHOD(pid_file, "a file that a killed daemon left behind means nothing") {
    {
        forked first{daemon()};
        REQUIRE(first.hear());
        first.kill();
        REQUIRE(text() == std::to_string(first.pid()) + "\n");
    }
    CHECK(run_lock::holder(path) == std::nullopt);
    const auto lock = run_lock::acquire(path);
    CHECK(text() == std::to_string(::getpid()) + "\n");
}

TEST_CASE_METHOD(pid_file, "what was in the file before is gone") {
    // Longer than any number, and a number of somebody who lives.
    write("fwknopd.pid", "1\n1234567890123456789012345678901234567890\n");
    CHECK(run_lock::holder(path) == std::nullopt);
    const auto lock = run_lock::acquire(path);
    CHECK(text() == std::to_string(::getpid()) + "\n");
}

TEST_CASE_METHOD(pid_file, "the lock can be moved, and goes once") {
    auto first = run_lock::acquire(path);
    {
        const run_lock second = std::move(first);
        CHECK(run_lock::holder(path) == ::getpid());
    }
    CHECK_FALSE(fs::exists(path));
}

TEST_CASE_METHOD(pid_file, "a child that inherits the lock writes its own number") {
    auto lock = run_lock::acquire(path);
    forked child{[&](const forked::teller& tell) -> int {
        lock.write_pid();
        tell();
        for (;;) ::pause();
    }};
    REQUIRE(child.hear());
    CHECK(text() == std::to_string(child.pid()) + "\n");
    CHECK(run_lock::holder(path) == child.pid());
}

TEST_CASE_METHOD(pid_file, "a pid file that cannot be used is told with its path") {
    SECTION("a symbolic link, which might lead anywhere") {
        write("target", "precious");
        fs::create_symlink(file("target"), path);
        CHECK_THAT(refusal(), Catch::StartsWith("[*] Cannot open the pid file '" + path + "': "));
        CHECK_THROWS_AS(run_lock::holder(path), std::runtime_error);
        CHECK(read("target") == "precious");
    }
    SECTION("no folder") {
        fs::remove_all(temporary_folder::path());
        CHECK(refusal() ==
              "[*] Cannot open the pid file '" + path + "': No such file or directory");
        CHECK(run_lock::holder(path) == std::nullopt);
    }
    SECTION("a folder") {
        fs::create_directory(path);
        CHECK(refusal() == "[*] Cannot open the pid file '" + path + "': Is a directory");
    }
}

TEST_CASE_METHOD(pid_file, "daemons that come and go at once never hold it together") {
    // Each holder's number must be in the file that has the name: a lock on a file that the one
    // before has just removed would keep nobody out.
    const auto come_and_go = [this](const forked::teller&) -> int {
        int taken = 0;
        for (int i = 0; i < 3000; ++i) {
            try {
                const auto lock = run_lock::acquire(path);
                ++taken;
                if (text() != std::to_string(::getpid()) + "\n") return 1;
            } catch (const std::runtime_error&) { // the other one has it
            }
        }
        return taken > 0 ? 0 : 2;
    };
    forked one{come_and_go};
    forked other{come_and_go};
    CHECK(one.wait() == 0);
    CHECK(other.wait() == 0);
}

TEST_CASE_METHOD(pid_file, "the run directory is made for us alone") {
    const std::string run_dir = file("run") + "/fwknop";
    CHECK(run_directory_error(run_dir).empty());
    CHECK(mode_of(run_dir) == 0700);
    CHECK(run_directory_error(run_dir).empty()); // it is there already
}

TEST_CASE_METHOD(pid_file, "what is no run directory is refused") {
    CHECK(run_directory_error("run/fwknop") == "Path 'run/fwknop' is not absolute.");
    CHECK(run_directory_error("") == "Path '' is not absolute.");
    write("taken", "");
    CHECK(run_directory_error(file("taken")) ==
          "[*] Cannot use the run directory '" + file("taken") + "': Not a directory");
    CHECK_THAT(
        run_directory_error(file("taken") + "/below"),
        Catch::StartsWith("[*] Cannot create the run directory '" + file("taken") + "/below': "));
}

TEST_CASE_METHOD(pid_file, "a file that is another one, too, is not written over") {
    const std::string precious = file("precious");
    write("precious", "keep me\n");
    fs::create_hard_link(precious, path);
    CHECK(refusal().find("' is another file, too") != std::string::npos);
    CHECK(read("precious") == "keep me\n");
    fs::remove(path);
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    CHECK(refusal().find("' is another file, too, or none that can be written over") !=
          std::string::npos);
    CHECK(run_lock::holder(path) == std::nullopt);
}
