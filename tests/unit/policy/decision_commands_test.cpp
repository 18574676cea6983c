// SPDX-License-Identifier: Apache-2.0
#include "judgement.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

// What a message asks to be run: a command of its own, or a stanza's cycle.

namespace fwknop::test {
namespace {

using words = std::vector<std::string>;

struct command_judgement : judgement {
    command_judgement() {
        request.type = message_type::command;
        entry.command.enabled = true;
        server.sudo_exe = "/opt/sudo";
    }
    [[nodiscard]] command_decision command(const std::string& line) {
        request.text = "203.0.113.9," + line;
        const auto outcome = judge();
        REQUIRE(std::holds_alternative<command_decision>(outcome));
        return std::get<command_decision>(outcome);
    }
};

struct cycle_judgement : judgement {
    cycle_judgement() {
        entry.cycle.open = "/bin/o";
        entry.cycle.open_words = {"/bin/o", "$IP", "$PORT"};
        entry.cycle.close_words = {"/bin/c", "$CLIENT_TIMEOUT", "$TIMEOUT", "$DST_PORT"};
        entry.cycle.timer = std::chrono::seconds{5};
    }
    [[nodiscard]] cycle_decision cycle() const {
        const auto outcome = judge();
        REQUIRE(std::holds_alternative<cycle_decision>(outcome));
        return std::get<cycle_decision>(outcome);
    }
};

TEST_CASE_METHOD(command_judgement, "a command says what to run, as whom and how long") {
    entry.command.run_as = account{5, 60, {60}, "games", "games"};
    entry.command.user.text = "games";
    server.cmd_exec_timeout = 7;
    const auto run = command("/bin/echo 'a b' $HOME");
    CHECK(run.command == "/bin/echo 'a b' $HOME");
    CHECK(run.words == words{"/bin/echo", "a b", "$HOME"});
    CHECK(run.source == at("203.0.113.9"));
    CHECK(run.run_as == entry.command.run_as);
    CHECK(run.other_user);
    CHECK(run.time_limit == std::chrono::seconds{7});
    CHECK(run.user == "alice");
    entry.command.user.text = "root";
    CHECK_FALSE(command("id").other_user);
}

TEST_CASE_METHOD(command_judgement, "sudo gets the user and the group, but not root") {
    entry.command.by_sudo = true;
    CHECK(command("id -u").words == words{"/opt/sudo", "id", "-u"});
    entry.command.sudo_user.text = "nobody";
    entry.command.sudo_group.text = "games";
    CHECK(command("id").words == words{"/opt/sudo", "-u", "nobody", "-g", "games", "id"});
    entry.command.sudo_user.text = "root";
    entry.command.sudo_group.text = "root";
    CHECK(command("id").words == words{"/opt/sudo", "id"});
    for (const auto* const line : {"-u root id", "'-s'", "LD_PRELOAD=/tmp/x id"}) {
        CAPTURE(line);
        request.text = std::string{"203.0.113.9,"} + line;
        CHECK(denied().reason == refusal::message_malformed);
        CHECK(text() == "[192.0.2.7] (stanza #3) Error parsing SPA message string: the command "
                        "begins with what sudo takes for itself");
    }
}

TEST_CASE_METHOD(command_judgement, "a command that is none is refused") {
    using row = std::pair<std::string, std::string>;
    for (const auto& [line, problem] :
         {row{"id 'x", "the command has a quote that is not closed"},
          row{std::string{"id\0x", 4}, "the command has a quote that is not closed"},
          row{"  ", "the command names no program"}, row{"'' x", "the command names no program"}}) {
        CAPTURE(line);
        request.text = "203.0.113.9," + line;
        CHECK(denied().reason == refusal::message_malformed);
        CHECK_THAT(denied().detail, Catch::StartsWith(problem));
        CHECK_FALSE(denied().final);
    }
}

TEST_CASE_METHOD(command_judgement, "commands need to be enabled, and no cycle") {
    request.text = "203.0.113.9,id";
    entry.cycle.open = "/bin/o";
    CHECK(denied().reason == refusal::command_not_allowed);
    entry.cycle.open.clear();
    entry.command.enabled = false;
    entry.command.by_sudo = true; // as in the 2.6 line, not enough
    CHECK(denied().reason == refusal::command_not_allowed);
    entry.command.enabled = true;
    entry.require_username = "bob";
    CHECK(denied().reason == refusal::user_mismatch);
}

TEST_CASE_METHOD(cycle_judgement, "a cycle has one run for each port") {
    entry.cycle.run_as = account{0, 0, {0}, "root", "root"};
    server.cmd_exec_timeout = 7;
    request.text = "203.0.113.9,tcp/22,udp/53";
    const auto decided = cycle();
    CHECK(decided.source == at("203.0.113.9"));
    REQUIRE(decided.runs.size() == 2);
    CHECK(decided.runs[0].open == words{"/bin/o", "203.0.113.9", "22"});
    CHECK(decided.runs[1].open == words{"/bin/o", "203.0.113.9", "53"});
    CHECK(decided.runs[1].close == words{"/bin/c", "5", "1700000005", "62201"});
    CHECK(decided.close_after == std::chrono::seconds{5});
    CHECK(decided.run_as == entry.cycle.run_as);
    CHECK(decided.time_limit == std::chrono::seconds{7});
    CHECK(decided.user == "alice");
}

TEST_CASE_METHOD(cycle_judgement, "the client's time goes before the timer") {
    request.type = message_type::access_timeout;
    request.client_timeout = 400;
    CHECK(cycle().close_after == std::chrono::seconds{400});
    CHECK(cycle().runs.at(0).close == words{"/bin/c", "400", "1700000400", "62201"});
    request.client_timeout = 0;
    CHECK(cycle().close_after == std::chrono::seconds{5});
    entry.cycle.close_words.clear();
    CHECK(cycle().runs.at(0).close.empty());
}

TEST_CASE_METHOD(cycle_judgement, "a cycle honours the port lists") {
    entry.open_ports = *port_set::parse("tcp/443");
    CHECK(denied().reason == refusal::port_denied);
    entry.open_ports = *port_set::parse("tcp/22");
    CHECK(cycle().runs.size() == 1);
    entry.restrict_ports = *port_set::parse("tcp/22");
    CHECK(denied().reason == refusal::port_denied);
}

} // namespace
} // namespace fwknop::test
