// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"
#include "firewall/iptables_planner.hpp"
#include "firewall/rule_monitor.hpp"

#include <fwknop/ip_address.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace fwknop {

/// How rules of others are noticed in one family.
enum class notice_by : std::uint8_t {
    nothing,       ///< not at all
    notifications, ///< the kernel tells (nft variant)
    polling,       ///< it does not, so our tables are to be looked at again and again (legacy)
};

/// Notices that somebody else added a rule with an expiry to one of our chains. Costs nothing
/// while nobody changes the packet filter, but for `polling`.
///
/// What waits in the executor keeps no hold of this object, and this object none of the executor:
/// either may go first.
class iptables_watch : public std::enable_shared_from_this<iptables_watch> {
  public:
    struct place {
        ip_family family;
        std::string table;
        // clang-tidy 14 sees a null pointer in what the compiler writes for this.
        // NOLINTNEXTLINE(modernize-use-nullptr)
        friend auto operator<=>(const place&, const place&) = default;
    };
    /// Both by family; a layout says which chains count.
    struct settings {
        std::array<notice_by, 2> way{};
        std::array<iptables_layout, 2> layout;
        std::chrono::milliseconds interval = std::chrono::seconds{2}; ///< of polling
    };

    /// From here on changes are noticed. Throws std::runtime_error when the kernel does not tell.
    explicit iptables_watch(settings what);

    /// Calls `changed` from the executor, until `stop`.
    void start(const boost::asio::any_io_executor& executor, std::function<void()> changed);
    void stop();

    /// A process of ours is about to change something. Nothing is judged until it is known which.
    void change_coming() { coming_ = true; }
    /// It is `pid`: until `change_ended`, what it adds is our own doing.
    void change_started(std::uint32_t pid);
    /// The same where another program does it for us, whose number we do not know: of the rules
    /// that are added meanwhile those with these expiries are ours.
    void change_started(std::set<unix_time> expiries);
    /// Our change is done. The kernel tells of a change before it lets go of who made it, so all of
    /// it has been told by now.
    void change_ended();

    /// The tables to look at.
    [[nodiscard]] const std::set<place>& suspects() const noexcept { return suspects_; }
    /// It is being looked at. What others change from here on makes it a suspect again.
    void seen(const place& table) { suspects_.erase(table); }
    /// The look failed.
    void suspect(const place& table) { suspects_.insert(table); }

  private:
    struct loop;

    void hear();
    void wait_for_events(const std::shared_ptr<loop>& on);
    void go_on();
    void wait_for_next_look(const std::shared_ptr<loop>& on);
    void suspect_all(notice_by way);

    settings what_;
    std::optional<rule_monitor> monitor_;
    std::set<place> suspects_;
    bool coming_ = false;         ///< a change by a process whose number we are still to be told
    std::uint32_t our_child_ = 0; ///< 0: none runs
    std::set<unix_time> our_expiries_;
    std::function<void()> changed_;
    std::weak_ptr<loop> loop_;    ///< held by what waits
    std::shared_ptr<loop> later_; ///< has events that wait until it is known whose they are
};

} // namespace fwknop
