// SPDX-License-Identifier: Apache-2.0
#include "client/temporary_folder.hpp"
#include "daemon/listening_socket.hpp"
#include "daemon/supervision.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

using namespace fwknop::daemon;
using fwknop::client::test::temporary_folder;
using fwknop::daemon::test::listening_socket;
using words = std::vector<std::string>;
using namespace std::chrono_literals;

namespace {

/// A loop, and somebody who listens.
struct stage {
    temporary_folder folder;
    std::string path = folder.file("notify");
    std::unique_ptr<listening_socket> listener = std::make_unique<listening_socket>(path);
    boost::asio::io_context context{1};
    std::string line = "first";

    supervision supervise(service_manager manager) {
        return supervision{context.get_executor(), std::move(manager), [this] { return line; }};
    }
};

const auto watchdog_word = [](const std::string& each) { return each == "WATCHDOG=1"; };

} // namespace

TEST_CASE_METHOD(stage, "ready and stopping are told once") {
    supervision watched = supervise(service_manager{path});
    watched.ready();
    watched.stopping();
    watched.stopping();
    CHECK(listener->all() == words{"READY=1\nSTATUS=first", "STOPPING=1"});
}

TEST_CASE_METHOD(stage, "a reload begins with its time and ends with ready") {
    supervision watched = supervise(service_manager{path});
    watched.reloading(); // still starting
    watched.ready();
    watched.reloading();
    watched.ready();
    const words told = listener->all();
    REQUIRE(told.size() == 3);
    CHECK_THAT(told[1], Catch::StartsWith("RELOADING=1\nMONOTONIC_USEC="));
    CHECK(told[2] == "READY=1\nSTATUS=first");
}

TEST_CASE_METHOD(stage, "nothing is told before the daemon is ready") {
    supervision watched = supervise(service_manager{path, 20ms});
    watched.changed();
    watched.stopping();
    CHECK(context.run_for(100ms) == 0);
    CHECK(listener->all().empty());
}

TEST_CASE_METHOD(stage, "without a service manager the loop has nothing to wait for") {
    supervision watched = supervise({});
    watched.ready();
    watched.changed();
    CHECK(context.run() == 0);
}

TEST_CASE_METHOD(stage, "with one, but no watchdog, neither while nothing changes") {
    supervision watched = supervise(service_manager{path});
    watched.ready();
    CHECK(context.run() == 0);
}

TEST_CASE_METHOD(stage, "signs of life come from the loop") {
    supervision watched = supervise(service_manager{path, 20ms});
    watched.ready();
    CHECK(std::ranges::count_if(listener->all(), watchdog_word) == 1);
    context.run_for(200ms);
    CHECK(std::ranges::count_if(listener->all(), watchdog_word) >= 2);
    CHECK(listener->all().empty()); // the loop stands still
}

TEST_CASE_METHOD(stage, "the status is told when it has changed, after a while, once") {
    supervision watched = supervise(service_manager{path});
    watched.ready();
    watched.changed(); // nothing has
    CHECK(context.run() == 1);
    CHECK(listener->all() == words{"READY=1\nSTATUS=first"});

    context.restart();
    line = "second";
    for (int i = 0; i < 1000; ++i) watched.changed();
    CHECK(context.run() == 1);
    CHECK(listener->all() == words{"STATUS=second"});

    context.restart();
    line = "third";
    watched.changed();
    CHECK(context.run_for(100ms) == 0); // not that soon
    CHECK(listener->all().empty());
}

TEST_CASE_METHOD(stage, "a manager that has no room is told again that we are ready") {
    listener.reset();
    temporary_folder other;
    path = other.file("notify");
    supervision watched = supervise(service_manager{path});
    watched.ready();
    const listening_socket late{path};
    context.run();
    CHECK(late.all() == words{"READY=1\nSTATUS=first"});
}

TEST_CASE("the status line adds up") {
    packet_counters counters;
    counters.received = 10;
    counters.granted = 3;
    counters.replayed = 2;
    CHECK(status_line(counters, 1) ==
          "Packets: 10 received, 3 granted, 2 replayed, 5 refused; grants open: 1");
}
