// SPDX-License-Identifier: Apache-2.0
#include "daemon/background.hpp"
#include "daemon/forked.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <chrono>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace fwknop::daemon;
using fwknop::daemon::test::forked;

namespace {

bool is_null_device(int fd) {
    struct stat given {};
    struct stat null {};
    return ::fstat(fd, &given) == 0 && ::stat("/dev/null", &null) == 0 && S_ISCHR(given.st_mode) &&
           given.st_rdev == null.st_rdev;
}

bool works_in_root() {
    std::array<char, 16> folder{};
    return ::getcwd(folder.data(), folder.size()) != nullptr && folder[0] == '/' && folder[1] == 0;
}

} // namespace

TEST_CASE("the process that was called ends with 0 once the daemon has started") {
    const pid_t session = ::getsid(0);
    // `starter` becomes the parent inside `background`; what follows is done by its child.
    forked starter{[&](const forked::teller& tell) {
        background detached;
        if (::getsid(0) == session) return 1;
        detached.started();
        for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
            if (!is_null_device(standard)) return 1;
        }
        if (works_in_root()) tell();
        return 0;
    }};
    CHECK(starter.wait() == 0);
    CHECK(starter.hear());
}

TEST_CASE("it waits as long as the daemon takes") {
    forked starter{[](const forked::teller& tell) {
        background detached;
        tell();
        std::this_thread::sleep_for(std::chrono::milliseconds{150});
        detached.started();
        return 0;
    }};
    REQUIRE(starter.hear());
    // Not before the daemon's word.
    siginfo_t ended{};
    CHECK(::waitid(P_PID, static_cast<id_t>(starter.pid()), &ended, WEXITED | WNOHANG | WNOWAIT) ==
          0);
    CHECK(ended.si_pid == 0);
    CHECK(starter.wait() == 0);
}

TEST_CASE("it ends with 1 when the daemon ends before it has started") {
    SECTION("by itself, whatever its status") {
        forked starter{[](const forked::teller&) {
            const background detached;
            return 0;
        }};
        CHECK(starter.wait() == 1);
    }
    SECTION("by a signal") {
        forked starter{[](const forked::teller&) {
            const background detached;
            ::raise(SIGKILL);
            return 0;
        }};
        CHECK(starter.wait() == 1);
    }
    SECTION("by an exception") {
        forked starter{[](const forked::teller&) -> int {
            const background detached;
            throw 1;
        }};
        CHECK(starter.wait() == 1);
    }
}
