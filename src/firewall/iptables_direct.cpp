// SPDX-License-Identifier: Apache-2.0
#include "firewall/iptables_direct.hpp"

#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <cstdint>
#include <utility>

namespace fwknop {

namespace asio = boost::asio;

iptables_step judge_iptables(const child_command& command, const child_result& result) {
    if (result.ok() && !result.output_cut) return {};
    iptables_step failed{describe_failure(command, result), result.uncertain(), result.uncertain()};
    if (result.ok())
        return {command.path + ": lists more than 32 MiB of rules, which is too much to look "
                               "through: remove rules that nobody needs",
                false, true};
    if (result.end == child_end::not_started) failed.final = true;
    if (result.end == child_end::time_limit)
        failed.error += " (does another program hold the iptables lock?)";
    if (result.errors.find("you must be root") != std::string::npos ||
        result.errors.find("Operation not permitted") != std::string::npos) {
        failed.error += ": start the daemon as root or give it CAP_NET_ADMIN and CAP_NET_RAW";
        failed.final = true;
    }
    return failed;
}

namespace {

class direct_access final : public iptables_access {
  public:
    direct_access(iptables_programs programs, std::chrono::milliseconds time_limit)
        : programs_{std::move(programs)}, time_limit_{time_limit} {}

    [[nodiscard]] std::string_view name() const override { return "iptables"; }
    [[nodiscard]] std::vector<listed_program> programs() const override {
        std::vector<listed_program> all;
        for (const auto* each : {&programs_.v4, programs_.v6 ? &*programs_.v6 : nullptr})
            if (each != nullptr)
                for (const listed_program& call : calls_of(*each)) all.push_back(call);
        return all;
    }
    [[nodiscard]] std::string_view comment_check_directive() const override {
        return "ENABLE_IPT_COMMENT_CHECK";
    }
    [[nodiscard]] std::string error() const override { return programs_.error; }
    [[nodiscard]] std::string notice() const override { return programs_.notice; }
    [[nodiscard]] bool handles(ip_family family) const override {
        return family == ip_family::v4 || programs_.v6;
    }

    // The name tells nothing: `iptables` is the one or the other.
    asio::awaitable<notice_by> find_notice(ip_family family, bool poll) override {
        child_command command;
        command.path = of(family).iptables;
        command.arguments = {"-V"};
        command.time_limit = time_limit_;
        const child_result result = co_await run_child(command);
        if (result.output.find("nf_tables") != std::string::npos)
            co_return notice_by::notifications;
        co_return poll ? notice_by::polling : notice_by::nothing;
    }

    asio::awaitable<iptables_step> restore(ip_family family, std::string script,
                                           std::shared_ptr<iptables_watch> watch) override {
        child_command command;
        command.path = of(family).restore;
        command.arguments = {"-w", "--noflush"};
        command.input = std::move(script);
        command.time_limit = time_limit_;
        if (watch) {
            watch->change_coming();
            command.started = [watch](pid_t pid) {
                watch->change_started(static_cast<std::uint32_t>(pid));
            };
        }
        const child_result result = co_await run_child(command);
        if (watch) watch->change_ended();
        co_return judge_iptables(command, result);
    }

    asio::awaitable<iptables_step> save(ip_family family, std::string table,
                                        iptables_table& saved) override {
        child_command command;
        command.path = of(family).save;
        command.arguments = {"-t", table};
        command.time_limit = time_limit_;
        command.max_output = max_listing;
        const child_result result = co_await run_child(command);
        iptables_step judged = judge_iptables(command, result);
        // A listing changes nothing, however it ended.
        judged.uncertain = false;
        if (judged.error.empty()) saved = iptables_table::parse(result.output, table);
        co_return judged;
    }

    asio::awaitable<iptables_step> list(ip_family family, std::string table, std::string chain,
                                        std::string& text) override {
        child_command command;
        command.path = of(family).iptables;
        command.arguments = {"-w", "-t", table, "-n", "-v", "--line-numbers", "-L"};
        if (!chain.empty()) command.arguments.push_back(chain);
        command.time_limit = time_limit_;
        command.max_output = max_listing;
        const child_result result = co_await run_child(command);
        const auto judged = judge_iptables(command, result);
        if (judged.error.empty()) text += result.output + "\n";
        co_return judged;
    }

  private:
    // A listing for people is asked for by a process of its own, which has no helper.
    static std::array<listed_program, 3> calls_of(const iptables_family_programs& family) {
        return {listed_program{family.iptables, {"-V"}},
                listed_program{family.restore,
                               {"-w", "--noflush"},
                               listed_rest::nothing,
                               listed_input::iptables_script},
                listed_program{family.save, {"-t", any_value}}};
    }

    [[nodiscard]] const iptables_family_programs& of(ip_family family) const {
        return family == ip_family::v4 ? programs_.v4 : *programs_.v6;
    }

    iptables_programs programs_;
    std::chrono::milliseconds time_limit_;
};

} // namespace

std::unique_ptr<iptables_access> make_iptables_access(iptables_programs programs,
                                                      std::chrono::milliseconds time_limit) {
    return std::make_unique<direct_access>(std::move(programs), time_limit);
}

} // namespace fwknop
