// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/backend.hpp"
#include "firewall/child.hpp"
#include "firewall/nft_layout.hpp"
#include "firewall/nft_ledger.hpp"
#include "firewall/nft_messages.hpp"
#include "firewall/nft_ruleset.hpp"
#include "firewall/nft_socket.hpp"
#include "firewall/nft_watcher.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace fwknop {

struct nft_options {
    std::string program; ///< absolute path of nft
    nft_layout layout;
    bool flush_at_init = true;                                       ///< FLUSH_IPT_AT_INIT
    bool flush_at_exit = true;                                       ///< FLUSH_IPT_AT_EXIT
    std::chrono::milliseconds time_limit = std::chrono::seconds{10}; ///< of one step
};

/// nftables. Grants are elements of sets, which the kernel ends by itself: nothing stays open when
/// the daemon dies. Opening and closing is one netlink transaction for each batch; `nft` runs only
/// to set up, to tear down, and when there is a kind of grant that has no set yet.
class nft_backend final : public backend {
  public:
    explicit nft_backend(nft_options options);

    [[nodiscard]] std::string_view name() const override { return "nftables"; }
    [[nodiscard]] std::vector<listed_program> programs() const override {
        return {{options_.program, {"-f", "-"}, listed_rest::nothing, listed_input::nft_script}};
    }
    [[nodiscard]] std::vector<rule_place> places() const override;
    [[nodiscard]] rule_order order() const override { return rule_order::append; }

    [[nodiscard]] boost::asio::awaitable<start_outcome> start(moment now) override;
    [[nodiscard]] boost::asio::awaitable<apply_outcome>
    apply(const change_batch& batch, const grant_table& wanted, moment now) override;
    void watch(std::function<void()> changed) override;
    [[nodiscard]] boost::asio::awaitable<inspect_outcome> inspect(const grant_table& wanted,
                                                                  moment now) override;
    [[nodiscard]] boost::asio::awaitable<backend_outcome> stop() override;
    [[nodiscard]] boost::asio::awaitable<backend_outcome> flush() override;
    [[nodiscard]] boost::asio::awaitable<list_outcome> list(bool everything) override;

    /// Mode `protect` only.
    [[nodiscard]] bool limit_protection(std::chrono::steady_clock::time_point end) override;
    [[nodiscard]] boost::asio::awaitable<backend_outcome> confirm_protection() override;

    /// What others change is noticed by the next operation only.
    void stop_watching() { watcher_.reset(); }

  private:
    using names = std::set<std::string, std::less<>>;
    struct step_result {
        std::string error; ///< empty: done
        bool uncertain = false;
        [[nodiscard]] bool ok() const noexcept { return error.empty(); }
    };
    enum class jump_care : std::uint8_t {
        first, ///< made anew, before all other rules
        keep,  ///< where it is, if it is there
    };
    struct commit_result : step_result {
        std::set<std::size_t> tags; ///< of what the kernel refused
        bool absent = false;        ///< a set was not there
    };

    /// What to do about a complaint of nft or of the kernel, as the end of its sentence.
    [[nodiscard]] static std::string remedy_for(std::string_view words);
    boost::asio::awaitable<step_result> run_nft(std::string script);
    boost::asio::awaitable<step_result> list_objects(std::set<nft_object>& into);
    [[nodiscard]] bool is_ours(const nft_object& object) const;
    [[nodiscard]] step_result find_base_chain(const std::set<nft_object>& present) const;
    [[nodiscard]] nft_objects ours_among(const std::set<nft_object>& present) const;
    boost::asio::awaitable<step_result> open_socket();
    [[nodiscard]] bool is_complete(const std::set<nft_object>& present) const;
    [[nodiscard]] bool is_jump(const nft_object& object) const;
    boost::asio::awaitable<step_result> set_up(names empty_sets, jump_care care,
                                               std::vector<added_jump>& jumps);
    boost::asio::awaitable<step_result> adopt(moment now, std::vector<adopted_grant>& into);
    [[nodiscard]] step_result listen();
    boost::asio::awaitable<commit_result> commit(nft_transaction& transaction);
    boost::asio::awaitable<step_result> restore(std::vector<std::string>& repairs,
                                                std::vector<added_jump>& jumps, bool& emptied);
    boost::asio::awaitable<commit_result>
    put_all(const grant_table& wanted, const std::vector<grant_key>& without, moment now);
    boost::asio::awaitable<step_result> add_shapes(const change_batch& batch,
                                                   const grant_table& wanted,
                                                   std::set<std::size_t>& without,
                                                   std::vector<added_jump>& jumps);

    nft_options options_;
    nft_ledger ledger_;
    std::set<nft_shape> shapes_;     ///< that there are sets for
    std::set<nft_object> structure_; ///< as it was when it was right
    std::unique_ptr<nft_socket> socket_;
    std::function<void()> changed_;
    std::unique_ptr<nft_watcher> watcher_;
    std::optional<std::chrono::steady_clock::time_point> protection_ends_;
    bool doubtful_ = false; ///< what the sets hold is not known: write all of them afresh
};

} // namespace fwknop
