// SPDX-License-Identifier: Apache-2.0
#include "daemon/command_runner.hpp"

#include "core/spa/command_words.hpp"
#include "core/spa/text.hpp"
#include "daemon/log.hpp"
#include "daemon/program.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <utility>

namespace fwknop::daemon {

namespace asio = boost::asio;

namespace {

// The two numbers of the 2.6 line: whether a signal ended it, and the exit status or the signal.
std::string result_line(const child_result& result) {
    constexpr int ended_by_signal = 16;
    constexpr int never_began = 255;
    const bool exited = result.end == child_end::exited;
    const bool began = result.end != child_end::not_started;
    return "CMD_EXEC: command returned " + std::to_string(exited || !began ? 0 : ended_by_signal) +
           ", pid_status: " + std::to_string(began ? result.code : never_began);
}

void log_output(const std::string& head, const char* what, const std::string& text, bool cut) {
    if (text.empty()) return;
    log::info(head + "CMD_EXEC: " + what + ": " + escaped(text) + (cut ? " [cut]" : ""));
}

} // namespace

command_runner::command_runner(asio::any_io_executor executor) : executor_{std::move(executor)} {}

void command_runner::run(command_decision what, const ip_address& packet_source,
                         std::size_t stanza_number) {
    const log::event noted{.kind = log::event_kind::command,
                           .source = packet_source.to_string(),
                           .stanza = stanza_number};
    std::string head =
        "[" + packet_source.to_string() + "] (stanza #" + std::to_string(stanza_number) + ") ";
    if (running_ == max_running) {
        log::error(head + "CMD_EXEC: command refused, because " + std::to_string(max_running) +
                   " commands still run");
        return;
    }
    std::string who;
    if (what.other_user && what.run_as) {
        who = " setuid/setgid user/group to " + what.run_as->user_name + "/" +
              what.run_as->group_name + " (UID=" + std::to_string(what.run_as->user) +
              ",GID=" + std::to_string(what.run_as->group) + ")";
    }
    log::info(head + "Running command '" + join_command_words(what.words) + "'" + who, noted);
    ++running_;
    asio::co_spawn(executor_, perform(std::move(what), head, noted),
                   [this, head](const std::exception_ptr& failure) {
                       --running_;
                       if (failure) log::error(head + "CMD_EXEC: the command could not be run");
                   });
}

asio::awaitable<void> command_runner::perform(command_decision what, std::string head,
                                              log::event noted) {
    program named{std::move(what.words), std::move(what.run_as), what.time_limit};
    const program_result done = co_await run_program(std::move(named));
    const child_result& result = done.child;
    if (result.end != child_end::not_started) {
        log_output(head, "output", result.output, result.output_cut);
        log_output(head, "error output", result.errors, result.errors.size() == max_program_output);
    }
    if (result.end == child_end::not_started || result.end == child_end::time_limit) {
        log::warning(head + "CMD_EXEC: " + escaped(done.problem), noted);
    }
    log::info(head + result_line(result), noted);
}

} // namespace fwknop::daemon
