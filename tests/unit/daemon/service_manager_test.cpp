// SPDX-License-Identifier: Apache-2.0
#include "client/temporary_folder.hpp"
#include "daemon/listening_socket.hpp"
#include "daemon/service_manager.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <string>
#include <vector>

#include <unistd.h>

using namespace fwknop::daemon;
using fwknop::client::test::temporary_folder;
using fwknop::daemon::test::listening_socket;
using words = std::vector<std::string>;
using std::chrono::microseconds;

namespace {

/// The variables as given, gone at the end.
struct surroundings {
    surroundings(const char* socket, const char* interval = nullptr, const char* pid = nullptr) {
        set("NOTIFY_SOCKET", socket);
        set("WATCHDOG_USEC", interval);
        set("WATCHDOG_PID", pid);
    }
    surroundings(const surroundings&) = delete;
    surroundings& operator=(const surroundings&) = delete;
    ~surroundings() {
        for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) {
            ::unsetenv(name);
        }
    }
    static void set(const char* name, const char* value) {
        if (value != nullptr) {
            ::setenv(name, value, 1);
        } else {
            ::unsetenv(name);
        }
    }
};

} // namespace

TEST_CASE("a service manager is told in its words") {
    const temporary_folder folder;
    const listening_socket listener{folder.file("notify")};
    const service_manager manager{folder.file("notify")};
    CHECK(manager.present());
    CHECK(manager.ready("all is well"));
    manager.reloading(std::chrono::steady_clock::time_point{microseconds{1'234'567}});
    manager.status("busy");
    manager.alive();
    manager.stopping();
    CHECK(listener.all() == words{"READY=1\nSTATUS=all is well",
                                  "RELOADING=1\nMONOTONIC_USEC=1234567", "STATUS=busy",
                                  "WATCHDOG=1", "STOPPING=1"});
}

TEST_CASE("an abstract name is one, too") {
    const std::string name = "@fwknop-test-" + std::to_string(::getpid());
    const listening_socket listener{name};
    CHECK(service_manager{name}.ready("here"));
    CHECK(listener.all() == words{"READY=1\nSTATUS=here"});
}

TEST_CASE("without a service manager nothing is told, and nothing fails") {
    const surroundings none{nullptr};
    const auto manager = service_manager::from_environment();
    CHECK_FALSE(manager.present());
    CHECK_FALSE(manager.watchdog().has_value());
    CHECK(manager.ready("nobody"));
    manager.stopping();
}

TEST_CASE("a service manager that is gone has not been told") {
    const temporary_folder folder;
    CHECK_FALSE(service_manager{folder.file("nobody")}.ready("well"));
}

TEST_CASE("the environment names the service manager, and no longer for our children") {
    const temporary_folder folder;
    const std::string pid = std::to_string(::getpid());
    const surroundings given{folder.file("notify").c_str(), "400000", pid.c_str()};
    const auto manager = service_manager::from_environment();
    CHECK(manager.present());
    CHECK(manager.watchdog() == microseconds{400'000});
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) {
        CHECK(std::getenv(name) == nullptr);
    }
}

TEST_CASE("the watchdog of somebody else, or of nobody, is not ours") {
    const temporary_folder folder;
    const std::string path = folder.file("notify");
    const auto watchdog = [&path](const char* interval, const char* pid) {
        const surroundings given{path.c_str(), interval, pid};
        return service_manager::from_environment().watchdog();
    };
    CHECK(watchdog("400000", nullptr) == microseconds{400'000});
    CHECK_FALSE(watchdog("400000", "1").has_value());
    CHECK_FALSE(watchdog("400000", "x").has_value());
    for (const char* interval : {"0", "", "-1", "1s", "99999999999999999999"}) {
        CHECK_FALSE(watchdog(interval, nullptr).has_value());
    }
}

TEST_CASE("a name that is none is refused with the variable that has it") {
    for (const std::string& name : {std::string{}, std::string{"relative"}, std::string{"@"},
                                    std::string{"vsock:2:1"}, "/" + std::string(107, 'x')}) {
        const surroundings given{name.c_str()};
        CHECK_THROWS_WITH(service_manager::from_environment(),
                          "[*] '" + name + "' is not the name of a local socket (NOTIFY_SOCKET)");
    }
}
