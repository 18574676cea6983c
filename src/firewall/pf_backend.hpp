// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/backend.hpp"
#include "firewall/filter_program.hpp"
#include "firewall/grant_wording.hpp"
#include "firewall/pf_rule.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace fwknop {

struct pf_options {
    std::string program;           ///< pfctl, an absolute path
    std::string anchor = "fwknop"; ///< PF_ANCHOR_NAME
    bool translates = false;       ///< NAT may be asked for
    bool translates_sources = false;
    bool flush_at_init = true;
    bool flush_at_exit = true;
    port_finder find_port{}; ///< for listings that name services
    std::chrono::milliseconds time_limit = std::chrono::seconds{10}; ///< of one program
};

/// pf's own words for the log. One line per request, whichever rules it needs.
class pf_wording final : public grant_wording {
  public:
    [[nodiscard]] std::vector<worded_line> added(const opened_event& event) const override;
    [[nodiscard]] std::vector<worded_line> extended(const opened_event& event) const override;
    [[nodiscard]] std::vector<worded_line> removed(const removed_event& event) const override;
};

/// pf, through pfctl. The rules are those of one anchor, which is ours alone: each change writes
/// all of it, in one transaction, from the grant table. So nothing is listed, and what others did
/// to the anchor is undone by the next change.
class pf_backend final : public backend {
  public:
    explicit pf_backend(pf_options options);

    [[nodiscard]] std::string_view name() const override { return "pf"; }
    [[nodiscard]] std::vector<listed_program> programs() const override;
    [[nodiscard]] std::vector<rule_place> places() const override;
    [[nodiscard]] rule_order order() const override { return rule_order::append; }
    [[nodiscard]] const grant_wording& wording() const override { return wording_; }

    [[nodiscard]] boost::asio::awaitable<start_outcome> start(moment now) override;
    [[nodiscard]] boost::asio::awaitable<apply_outcome>
    apply(const change_batch& batch, const grant_table& wanted, moment now) override;
    [[nodiscard]] boost::asio::awaitable<backend_outcome> stop() override;
    [[nodiscard]] boost::asio::awaitable<backend_outcome> flush() override;
    [[nodiscard]] boost::asio::awaitable<list_outcome> list(bool everything) override;

  private:
    boost::asio::awaitable<program_step> write(std::string text);
    boost::asio::awaitable<program_step> check_links();
    boost::asio::awaitable<program_step> adopt(start_outcome& outcome);

    pf_options options_;
    filter_program pfctl_;
    pf_wording wording_;
};

} // namespace fwknop
