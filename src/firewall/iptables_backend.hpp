// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/backend.hpp"
#include "firewall/iptables_access.hpp"
#include "firewall/iptables_planner.hpp"
#include "firewall/iptables_programs.hpp"
#include "firewall/iptables_watch.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fwknop {

struct iptables_options {
    iptables_programs programs;
    iptables_layout layout;
    bool flush_at_init = true;                                       ///< FLUSH_IPT_AT_INIT
    bool flush_at_exit = true;                                       ///< FLUSH_IPT_AT_EXIT
    bool comment_check = true;                                       ///< ENABLE_IPT_COMMENT_CHECK
    std::chrono::milliseconds time_limit = std::chrono::seconds{10}; ///< of one program
    bool watch_others = true; ///< RULES_CHECK_THRESHOLD is not 0
    bool poll_others = false; ///< it is given, so where nobody tells of changes we look for them
};

/// The chains of iptables and ip6tables, nft or legacy variant. A batch costs one `iptables-restore
/// --noflush -w` for each table and family it touches; only when that fails is a table listed and
/// repaired.
class iptables_backend final : public backend {
  public:
    explicit iptables_backend(const iptables_options& options);
    /// Somebody else's way to the tables; `options.programs` does not count.
    iptables_backend(iptables_options options, std::unique_ptr<iptables_access> access);

    [[nodiscard]] std::string_view name() const override { return access_->name(); }
    [[nodiscard]] std::vector<listed_program> programs() const override {
        return access_->programs();
    }
    [[nodiscard]] std::vector<rule_place> places() const override;
    [[nodiscard]] rule_order order() const override;

    [[nodiscard]] boost::asio::awaitable<start_outcome> start(moment now) override;
    [[nodiscard]] boost::asio::awaitable<apply_outcome>
    apply(const change_batch& batch, const grant_table& wanted, moment now) override;
    void watch(std::function<void()> changed) override;
    [[nodiscard]] boost::asio::awaitable<inspect_outcome> inspect(const grant_table& wanted,
                                                                  moment now) override;
    [[nodiscard]] boost::asio::awaitable<backend_outcome> stop() override;
    [[nodiscard]] boost::asio::awaitable<backend_outcome> flush() override;
    [[nodiscard]] boost::asio::awaitable<list_outcome> list(bool everything) override;

  private:
    struct step_result : iptables_step {
        bool listed = false; ///< at start: the family is there, for its table could be listed
    };

    [[nodiscard]] bool serves(ip_family family) const;
    [[nodiscard]] std::vector<ip_family> families() const;
    [[nodiscard]] const iptables_layout& layout_of(ip_family family) const;
    [[nodiscard]] bool can_do_without(ip_family family, std::string_view table) const;
    void do_without(std::string_view table);

    boost::asio::awaitable<step_result> restore(ip_family family, std::string script);
    boost::asio::awaitable<step_result> save(ip_family family, std::string table,
                                             iptables_table& saved);
    boost::asio::awaitable<void> start_watch(start_outcome& outcome);
    boost::asio::awaitable<step_result> start_family(ip_family family, moment now,
                                                     start_outcome& outcome);
    boost::asio::awaitable<step_result> check_comments(ip_family family);
    boost::asio::awaitable<step_result> apply_family(ip_family family, const change_batch& batch,
                                                     const grant_table& wanted, moment now,
                                                     apply_outcome& outcome);
    boost::asio::awaitable<step_result> repair(ip_family family, std::string table,
                                               const change_batch& batch, const grant_table& wanted,
                                               moment now, apply_outcome& outcome);

    iptables_options options_;
    std::unique_ptr<iptables_access> access_;
    std::shared_ptr<iptables_watch> watch_; ///< none: rules of others are their own matter
    boost::asio::any_io_executor executor_; ///< of `start`
    iptables_layout v6_layout_;      ///< the same, but for NAT where ip6tables cannot do that
    std::array<bool, 2> doubtful_{}; ///< by family: a script was killed, so look before the next
    bool v6_works_ = true;           ///< false: ip6tables failed at start, and the log said so
};

} // namespace fwknop
