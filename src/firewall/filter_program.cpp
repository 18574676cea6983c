// SPDX-License-Identifier: Apache-2.0
#include "firewall/filter_program.hpp"

#include "firewall/child.hpp"

#include <cstddef>
#include <utility>

namespace fwknop {

namespace asio = boost::asio;

namespace {

// A listing of some 100,000 rules; the limit keeps a program gone wild from taking our memory.
constexpr std::size_t max_output = std::size_t{32} * 1024 * 1024;

} // namespace

filter_program::filter_program(std::string path, std::chrono::milliseconds time_limit,
                               std::span<const program_advice> advice)
    : path_{std::move(path)}, time_limit_{time_limit}, advice_{advice} {}

asio::awaitable<program_step> filter_program::run(std::vector<std::string> arguments,
                                                  std::string input) const {
    child_command command;
    command.path = path_;
    command.arguments = std::move(arguments);
    command.input = std::move(input);
    command.time_limit = time_limit_;
    command.max_output = max_output;
    child_result result = co_await run_child(command);

    program_step step;
    step.uncertain = result.uncertain();
    step.final = result.uncertain() || result.end == child_end::not_started;
    if (result.ok()) {
        if (result.output_cut) {
            step.error = path_ + ": writes more than 32 MiB, which is too much to look through";
            step.final = true;
        }
        step.output = std::move(result.output);
        co_return step;
    }
    step.error = describe_failure(command, result);
    for (const auto& [words, advice] : advice_) {
        if (result.errors.find(words) == std::string::npos) continue;
        step.error.append(": ").append(advice);
        step.final = true;
        break;
    }
    co_return step;
}

} // namespace fwknop
