// SPDX-License-Identifier: Apache-2.0
#include "daemon/program.hpp"

#include "firewall/iptables_programs.hpp"

#include <utility>

namespace fwknop::daemon {

namespace asio = boost::asio;

child_identity identity_of(const account& who) {
    return {who.user, who.group, {who.groups.begin(), who.groups.end()}};
}

asio::awaitable<program_result> run_program(program what) {
    program_result done;
    child_command command;
    command.path = what.words.front();
    if (command.path.find('/') == std::string::npos) {
        auto found = find_program(command.path, default_program_path);
        if (!found) {
            done.child.errors = "no such program in " + std::string{default_program_path};
            done.problem = describe_failure(command, done.child);
            co_return done;
        }
        command.path = *std::move(found);
    }
    command.arguments.assign(what.words.begin() + 1, what.words.end());
    command.time_limit = what.time_limit;
    command.max_output = max_program_output;
    command.max_errors = max_program_output;
    if (what.run_as) command.run_as = identity_of(*what.run_as);
    done.child = co_await run_child(command);
    if (!done.child.ok()) done.problem = describe_failure(command, done.child);
    co_return done;
}

} // namespace fwknop::daemon
