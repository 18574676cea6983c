// SPDX-License-Identifier: Apache-2.0
#include "real_iptables.hpp"

#include "firewall/grant_log.hpp"

#include <boost/asio/co_spawn.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <optional>
#include <sstream>
#include <utility>

#include <sched.h>
#include <sys/wait.h>

namespace fwknop::test {

namespace asio = boost::asio;

void enter_new_network_namespace() {
    INFO("this test needs root: it makes a network namespace");
    REQUIRE(::unshare(CLONE_NEWNET) == 0);
}

void event_log::added(const opened_event& event) {
    lines.push_back(added_rule_line(name_of(event.place.role, event.request.nat), event.place.chain,
                                    event.request.source, event.destination(),
                                    event.covered_services(), event.expires));
}
void event_log::extended(const opened_event& event) {
    lines.push_back(extended_rule_line(name_of(event.place.role, event.request.nat),
                                       event.place.chain, event.request.source, event.destination(),
                                       event.covered_services(), event.expires));
}
void event_log::removed(const removed_event& event) {
    lines.push_back(removed_rule_line(event.position, event.chain, event.expires));
}
void event_log::open_failed(const open_request&, const std::string& error) {
    lines.push_back("open failed: " + error);
}
void event_log::close_failed(std::size_t, const std::string& error, std::chrono::milliseconds) {
    lines.push_back("close failed: " + error);
}
void event_log::inspect_failed(const std::string& error, std::chrono::milliseconds /*delay*/) {
    lines.push_back("inspect failed: " + error);
}

void event_log::jump_added(const added_jump& made) {
    lines.push_back(added_jump_line(made.from, made.to));
}
void event_log::repaired(const std::string& what) {
    lines.push_back(what);
}

bool event_log::has(std::string_view line) const {
    return std::ranges::any_of(lines,
                               [&](const std::string& one) { return one.starts_with(line); });
}

real_iptables::real_iptables(const std::string& variant) {
    enter_new_network_namespace();
    options.programs = find_iptables_programs("/usr/sbin/" + variant, {});
    REQUIRE(options.programs.error.empty());
    REQUIRE(options.programs.v6);
    options.layout.input = {"ACCEPT", "filter", "INPUT", 1, "FWKNOP_INPUT", 1};
}

std::string real_iptables::output_of(const std::string& command) const {
    std::FILE* pipe = ::popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string output;
    std::array<char, 4096> chunk;
    for (std::size_t size; (size = std::fread(chunk.data(), 1, chunk.size(), pipe)) > 0;)
        output.append(chunk.data(), size);
    CAPTURE(command, output);
    REQUIRE(::pclose(pipe) == 0);
    return output;
}

void real_iptables::iptables(const std::string& arguments, bool six) const {
    const auto& programs = six ? *options.programs.v6 : options.programs.v4;
    (void)output_of(programs.iptables + " -w " + arguments + " 2>&1");
}

std::vector<std::string> real_iptables::saved(bool six, const std::string& table) const {
    const auto& programs = six ? *options.programs.v6 : options.programs.v4;
    std::istringstream text{output_of(programs.save + " -t " + table)};
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) {
        // The nft variant makes base chains when they are first used and never takes them away.
        if (line.starts_with("-A ") || (line.starts_with(':') && line.find(" - ") != line.npos))
            lines.push_back(line.substr(0, line.find(" [")));
    }
    return lines;
}

int real_iptables::count(std::string_view text, bool six, const std::string& table) const {
    return static_cast<int>(std::ranges::count_if(
        saved(six, table), [&](const std::string& line) { return line.find(text) != line.npos; }));
}

start_outcome real_iptables::start() {
    crash();
    log.lines.clear();
    context_ = std::make_unique<asio::io_context>();
    filter = std::make_unique<iptables_backend>(options);
    keeper = std::make_unique<grant_keeper>(context_->get_executor(), *filter, log);
    std::optional<start_outcome> result;
    asio::co_spawn(*context_, keeper->start(),
                   [&](std::exception_ptr error, start_outcome outcome) {
                       REQUIRE_FALSE(error);
                       result = std::move(outcome);
                   });
    while (!result) context_->run_one();
    return *result;
}

void real_iptables::crash() {
    // The keeper's timers belong to the context; what runs there uses the backend.
    keeper.reset();
    context_.reset();
    filter.reset();
}

backend_outcome real_iptables::stop() {
    std::optional<backend_outcome> result;
    asio::co_spawn(*context_, keeper->stop(),
                   [&](std::exception_ptr error, backend_outcome outcome) {
                       REQUIRE_FALSE(error);
                       result = std::move(outcome);
                   });
    context_->restart();
    while (!result) context_->run_one();
    crash();
    return *result;
}

void real_iptables::open(std::string_view source, std::uint16_t port, int seconds) {
    keeper->open({ip_address::parse(source).value(),
                  std::nullopt,
                  {{protocol::tcp, port}},
                  std::chrono::seconds{seconds},
                  0});
}

void real_iptables::run(std::chrono::milliseconds time) {
    context_->restart();
    context_->run_for(time);
}

} // namespace fwknop::test
