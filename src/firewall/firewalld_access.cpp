// SPDX-License-Identifier: Apache-2.0
#include "firewall/firewalld_access.hpp"

#include "firewall/firewalld_script.hpp"
#include "firewall/firewalld_worker.hpp"
#include "firewall/iptables_programs.hpp"
#include "firewall/iptables_rule.hpp"

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include <unistd.h>

namespace fwknop {

namespace asio = boost::asio;

namespace {

constexpr const char* ourselves = "/proc/self/exe";

/// Above what firewalld needs, by an order of magnitude.
constexpr auto time_for_a_line = std::chrono::milliseconds{100};

class firewalld_access final : public iptables_access {
  public:
    firewalld_access(firewalld_program program, std::chrono::milliseconds time_limit)
        : program_{std::move(program)}, time_limit_{time_limit} {}

    [[nodiscard]] std::string_view name() const override { return "firewalld"; }
    [[nodiscard]] std::vector<listed_program> programs() const override {
        std::vector<listed_program> all;
        for (const ip_family family : {ip_family::v4, ip_family::v6}) {
            if (program_.given)
                all.push_back({program_.path,
                               {"--direct", "--passthrough", name_of(family)},
                               listed_rest::iptables_words});
            else
                all.push_back({program_.path,
                               {std::string{firewalld_worker_option}, name_of(family)},
                               listed_rest::nothing,
                               listed_input::iptables_script});
        }
        return all;
    }
    [[nodiscard]] std::string_view comment_check_directive() const override {
        return "ENABLE_FIREWD_COMMENT_CHECK";
    }
    [[nodiscard]] std::string error() const override { return program_.error; }
    [[nodiscard]] std::string notice() const override { return {}; }
    [[nodiscard]] bool handles(ip_family) const override { return true; }

    asio::awaitable<notice_by> find_notice(ip_family family, bool poll) override {
        const answer version = co_await ask(family, "-V\n");
        if (version.output.find("nf_tables") != std::string::npos)
            co_return notice_by::notifications;
        co_return poll ? notice_by::polling : notice_by::nothing;
    }

    asio::awaitable<iptables_step> restore(ip_family family, std::string script,
                                           std::shared_ptr<iptables_watch> watch) override {
        // Who adds the rules is an iptables that firewalld starts: known by what it adds.
        if (watch) watch->change_started(expiries_of(script));
        answer done = co_await ask(family, std::move(script));
        if (watch) watch->change_ended();
        co_return std::move(done.step);
    }

    asio::awaitable<iptables_step> save(ip_family family, std::string table,
                                        iptables_table& saved) override {
        answer listed = co_await ask(family, "*" + table + "\n-S\n");
        listed.step.uncertain = false; // a listing changes nothing, however it ended
        if (listed.step.error.empty())
            saved = iptables_table::parse(as_saved(listed.output, table), table);
        co_return std::move(listed.step);
    }

    asio::awaitable<iptables_step> list(ip_family family, std::string table, std::string chain,
                                        std::string& text) override {
        answer listed = co_await ask(family, "*" + table + "\n-n -v --line-numbers -L " + chain);
        if (listed.step.error.empty()) text += listed.output + "\n";
        co_return std::move(listed.step);
    }

  private:
    struct answer {
        iptables_step step;
        std::string output;
    };

    [[nodiscard]] static std::set<unix_time> expiries_of(const std::string& script) {
        std::set<unix_time> expiries;
        std::istringstream lines{script};
        for (std::string line; std::getline(lines, line);)
            if (const auto expires = parse_expiry(line)) expiries.insert(*expires);
        return expiries;
    }

    asio::awaitable<answer> ask(ip_family family, std::string script) {
        return program_.given ? ask_program(family, std::move(script))
                              : ask_worker(family, std::move(script));
    }

    asio::awaitable<answer> ask_worker(ip_family family, std::string script) {
        child_command command;
        command.path = program_.path;
        command.arguments = {std::string{firewalld_worker_option}, name_of(family)};
        // One process, but as many runs of iptables as there are lines.
        command.time_limit = time_limit_ + std::ranges::count(script, '\n') * time_for_a_line;
        command.input = std::move(script);
        command.max_output = max_listing;
        child_result result = co_await run_child(command);
        answer done{judge(command, result), {}};
        done.output = std::move(result.output);
        co_return done;
    }

    asio::awaitable<answer> ask_program(ip_family family, std::string script) {
        answer done;
        bool changed = false;
        const auto calls = firewalld_calls(script);
        for (const firewalld_call& call : calls) {
            done = co_await pass(family, call.arguments);
            if (!done.step.error.empty() && !done.step.final && !call.otherwise.empty())
                done = co_await pass(family, call.otherwise);
            if (!done.step.error.empty()) break;
            changed = changed || call.changes;
        }
        if (!done.step.error.empty()) done.step.uncertain = done.step.uncertain || changed;
        co_return done;
    }

    asio::awaitable<answer> pass(ip_family family, const std::vector<std::string>& arguments) {
        child_command command;
        command.path = program_.path;
        command.arguments = {"--direct", "--passthrough", name_of(family)};
        command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
        command.time_limit = time_limit_;
        command.max_output = max_listing;
        const child_result result = co_await run_child(command);
        // It ends what iptables said with an empty line and a word of its own.
        co_return answer{judge(command, result),
                         result.output.substr(0, result.output.rfind("\nsuccess"))};
    }

    [[nodiscard]] static std::string name_of(ip_family family) {
        return family == ip_family::v4 ? "ipv4" : "ipv6";
    }

    [[nodiscard]] static iptables_step judge(const child_command& command,
                                             const child_result& result) {
        iptables_step judged = judge_iptables(command, result);
        if (judged.error.starts_with(ourselves))
            judged.error.replace(0, std::string_view{ourselves}.size(), "firewalld");
        if (result.end != child_end::exited) return judged;
        if (result.code == firewalld_half_done) judged.uncertain = true;
        if (result.code == firewalld_not_running)
            judged = {judged.error + ": start firewalld, or set FIREWALL_BACKEND to what filters "
                                     "packets here",
                      false, true};
        if (result.code == firewalld_not_authorized)
            judged = {judged.error + ": start the daemon as root, or let polkit allow it "
                                     "org.fedoraproject.FirewallD1.direct",
                      false, true};
        return judged;
    }

    firewalld_program program_;
    std::chrono::milliseconds time_limit_;
};

} // namespace

firewalld_program find_firewalld_program(std::string_view firewall_exe) {
    constexpr std::string_view name = "firewall-cmd";
    if (firewall_exe.empty()) return {ourselves, false, {}};
    std::string path{firewall_exe};
    if (!path.starts_with('/') ||
        !firewall_exe.substr(firewall_exe.rfind('/') + 1).starts_with(name))
        return {{},
                true,
                "FIREWALL_EXE is '" + path +
                    "': with FIREWALL_BACKEND firewalld give the "
                    "absolute path of firewall-cmd, e.g. /usr/bin/firewall-cmd, or leave it out"};
    if (::access(path.c_str(), X_OK) != 0)
        return {{},
                true,
                path + " is not there or cannot be run: install the package firewalld, or set "
                       "FIREWALL_EXE to the path of firewall-cmd"};
    return {std::move(path), true, {}};
}

std::unique_ptr<iptables_access> make_firewalld_access(firewalld_program program,
                                                       std::chrono::milliseconds time_limit) {
    return std::make_unique<firewalld_access>(std::move(program), time_limit);
}

} // namespace fwknop
