// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/backend.hpp"
#include "firewall/filter_program.hpp"
#include "firewall/grant_wording.hpp"
#include "firewall/ipfw_planner.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace fwknop {

struct ipfw_options {
    std::string program; ///< ipfw, an absolute path
    ipfw_layout layout;
    std::chrono::seconds purge_interval{30};                         ///< IPFW_EXPIRE_PURGE_INTERVAL
    bool flush_at_init = true;                                       ///< FLUSH_IPFW_AT_INIT
    bool flush_at_exit = true;                                       ///< FLUSH_IPFW_AT_EXIT
    std::chrono::milliseconds time_limit = std::chrono::seconds{10}; ///< of one program
};

/// ipfw's own words for the log: a line for each rule, with its number.
class ipfw_wording final : public grant_wording {
  public:
    explicit ipfw_wording(unsigned expire_set) : expire_set_{expire_set} {}

    /// What the operation did that the next events are about.
    void use(std::unordered_map<grant_key, std::uint16_t> opened,
             std::map<std::string, std::uint16_t> closed);

    [[nodiscard]] std::vector<worded_line> added(const opened_event& event) const override;
    [[nodiscard]] std::vector<worded_line> extended(const opened_event& event) const override;
    [[nodiscard]] std::vector<worded_line> removed(const removed_event& event) const override;

  private:
    [[nodiscard]] std::vector<worded_line> opened(std::string_view verb,
                                                  const opened_event& event) const;

    unsigned expire_set_;
    std::unordered_map<grant_key, std::uint16_t> opened_;
    std::map<std::string, std::uint16_t> closed_;
};

/// ipfw. Each operation lists the rules and runs one script of what is to change: its lines take
/// effect one by one, so after trouble it is looked at again what is there.
class ipfw_backend final : public backend {
  public:
    explicit ipfw_backend(ipfw_options options);

    [[nodiscard]] std::string_view name() const override { return "ipfw"; }
    [[nodiscard]] std::vector<listed_program> programs() const override {
        return {{options_.program, {"-S", "list"}},
                {options_.program, {"-d", "-S", "list"}},
                {options_.program, {"-q", "/dev/stdin"}}};
    }
    [[nodiscard]] std::vector<rule_place> places() const override;
    [[nodiscard]] rule_order order() const override { return rule_order::append; }
    [[nodiscard]] const grant_wording& wording() const override { return wording_; }

    [[nodiscard]] boost::asio::awaitable<start_outcome> start(moment now) override;
    [[nodiscard]] boost::asio::awaitable<apply_outcome>
    apply(const change_batch& batch, const grant_table& wanted, moment now) override;
    [[nodiscard]] std::optional<std::chrono::steady_clock::time_point>
    late_work_due() const override {
        return purge_at_;
    }
    /// Clears the expire set of what no connection uses any more.
    [[nodiscard]] boost::asio::awaitable<late_work_outcome> late_work(moment now) override;
    [[nodiscard]] boost::asio::awaitable<backend_outcome> stop() override;
    [[nodiscard]] boost::asio::awaitable<backend_outcome> flush() override;
    [[nodiscard]] boost::asio::awaitable<list_outcome> list(bool everything) override;

  private:
    boost::asio::awaitable<program_step> look(bool connections, ipfw_listing& listing);
    boost::asio::awaitable<program_step> perform(ipfw_script script);

    ipfw_options options_;
    filter_program ipfw_;
    ipfw_wording wording_;
    std::optional<std::chrono::steady_clock::time_point> purge_at_; ///< none: nothing to purge
};

} // namespace fwknop
