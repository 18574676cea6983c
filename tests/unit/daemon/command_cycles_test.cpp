// SPDX-License-Identifier: Apache-2.0
#include "client/temporary_folder.hpp"
#include "daemon/command_cycles.hpp"
#include "daemon/knock.hpp"
#include "daemon/log_lines.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace fwknop;
using namespace fwknop::daemon;
using namespace fwknop::test;
using client::test::temporary_folder;
using fwknop::daemon::test::lines;
using fwknop::daemon::test::log_lines;
using namespace std::chrono_literals;

namespace {

struct cycling {
    log_lines log;
    temporary_folder folder;
    boost::asio::io_context context;
    command_cycles cycles{context.get_executor()};

    [[nodiscard]] std::vector<std::string> note(const std::string& word) const {
        return {"/bin/sh", "-c", "echo $0 >> " + folder.file("notes"), word};
    }
    [[nodiscard]] std::string notes() const {
        std::string text = folder.read("notes");
        for (char& c : text) c = c == '\n' ? ' ' : c;
        return text;
    }
    void open(std::vector<cycle_run> runs, std::chrono::seconds after = 0s) {
        cycle_decision what;
        what.source = at("203.0.113.9");
        what.runs = std::move(runs);
        what.close_after = after;
        what.time_limit = 10s;
        cycles.open(std::move(what), at("192.0.2.7"), 3);
    }
};

} // namespace

TEST_CASE_METHOD(cycling, "a cycle opens, and closes when its time has come") {
    open({{note("o1"), note("c1")}, {note("o2"), note("c2")}});
    CHECK(cycles.pending() == 1);
    CHECK(cycles.busy());
    context.run();
    CHECK(notes() == "o1 o2 c1 c2 ");
    CHECK(cycles.pending() == 0);
    CHECK_FALSE(cycles.busy());
}

TEST_CASE_METHOD(cycling, "the log has the words that filters know") {
    open({{{"/bin/true", "a\nb"}, {"/bin/true", "c"}}});
    CHECK(log.take() ==
          lines{"[192.0.2.7] (stanza #3) Running CMD_CYCLE_OPEN command: /bin/true a\\x0ab",
                "[192.0.2.7] (stanza #3) Running CMD_CYCLE_CLOSE command in 0 seconds: /bin/true "
                "c"});
    context.run();
    CHECK(log.take() == lines{"[203.0.113.9] (stanza #3) Timer expired, running CMD_CYCLE_CLOSE "
                              "command: /bin/true c"});
}

TEST_CASE_METHOD(cycling, "without a close command nothing is pending") {
    open({{note("o"), {}}});
    CHECK(cycles.pending() == 0);
    context.run();
    CHECK(notes() == "o ");
}

TEST_CASE_METHOD(cycling, "a command that fails is told, and the others run") {
    open({{{"/bin/false"}, note("c1")}, {note("o2"), {"/nonexistent/x"}}});
    context.run();
    CHECK(notes() == "o2 c1 ");
    const std::string text = log.text();
    CHECK_THAT(text, Catch::Contains("[192.0.2.7] (stanza #3) CMD_CYCLE_OPEN command failed: "
                                     "/bin/false: exit status 1\n"));
    CHECK_THAT(text, Catch::Contains("[203.0.113.9] (stanza #3) CMD_CYCLE_CLOSE command failed: "
                                     "/nonexistent/x: cannot be started: No such file"));
}

TEST_CASE_METHOD(cycling, "a close never overtakes its open") {
    open({{{"/bin/sh", "-c", "sleep 0.3; echo o >> " + folder.file("notes")}, note("c")}});
    open({{note("other"), {}}});
    context.run();
    CHECK(notes() == "other o c ");
}

TEST_CASE_METHOD(cycling, "the earliest close is first") {
    open({{{"/bin/true"}, note("late")}}, 2s);
    open({{{"/bin/true"}, note("early")}}, 1s);
    context.run();
    CHECK(notes() == "early late ");
}

TEST_CASE_METHOD(cycling, "at the end everything is closed and nothing opened any more") {
    open({{note("o"), note("c")}}, 1000s);
    context.run_for(300ms);
    CHECK(notes() == "o ");
    CHECK(cycles.pending() == 1);
    CHECK_FALSE(cycles.busy());
    cycles.close_all();
    CHECK(cycles.busy());
    open({{note("never"), note("never")}});
    CHECK_THAT(log.text(), Catch::Contains("CMD_CYCLE_OPEN command refused, because the daemon "
                                           "ends"));
    context.run();
    CHECK(notes() == "o c ");
    CHECK(cycles.pending() == 0);
}

TEST_CASE_METHOD(cycling, "an open that hangs at the end is killed and closed") {
    open({{{"/bin/sleep", "100"}, note("c1")}, {note("o2"), note("c2")}}, 1000s);
    context.run_for(100ms);
    cycles.close_all();
    context.run();
    CHECK(notes() == "c1 c2 ");
    CHECK_THAT(log.text(),
               Catch::Contains("/bin/sleep: was killed because the daemon is stopping"));
}

TEST_CASE_METHOD(cycling, "so many at once: opens beyond are refused, closes wait") {
    for (std::size_t i = 0; i < command_cycles::max_running; ++i)
        open({{note("o"), note("c")}}, 1s);
    static_cast<void>(log.take());
    open({{note("never"), note("never")}});
    CHECK(log.take() == lines{"[192.0.2.7] (stanza #3) CMD_CYCLE_OPEN command refused, because 16 "
                              "still run"});
    context.run_for(800ms);
    REQUIRE_FALSE(cycles.busy());
    open({{note("o"), note("c")}}, 1s);
    CHECK(cycles.pending() == command_cycles::max_running + 1);
    context.restart();
    context.run();
    std::string all;
    for (int i = 0; i < 17; ++i) all += "o ";
    for (int i = 0; i < 17; ++i) all += "c ";
    CHECK(notes().size() == all.size());
    CHECK(notes().find("never") == std::string::npos);
}
