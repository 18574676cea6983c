// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/child.hpp"
#include "firewall/iptables_save.hpp"
#include "firewall/iptables_watch.hpp"
#include "firewall/listed_program.hpp"

#include <fwknop/ip_address.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace fwknop {

/// What one step towards the packet filter came to.
struct iptables_step {
    std::string error;      ///< empty: done
    bool uncertain = false; ///< what it has done is unknown
    bool final = false;     ///< listing and planning anew cannot help
};

/// A listing of some 100,000 rules. More than that is no host of ours; the limit keeps a program
/// gone wild from taking our memory.
inline constexpr std::size_t max_listing = std::size_t{32} * 1024 * 1024;

/// A way to read and write the tables of iptables: its own programs, or somebody who runs them for
/// us. One step at a time; arguments must live until it is done.
class iptables_access {
  public:
    iptables_access() = default;
    iptables_access(const iptables_access&) = delete;
    iptables_access& operator=(const iptables_access&) = delete;
    virtual ~iptables_access() = default;

    /// The backend's name.
    [[nodiscard]] virtual std::string_view name() const = 0;
    /// The programs that it runs.
    [[nodiscard]] virtual std::vector<listed_program> programs() const = 0;
    /// The directive that turns the check of comments off.
    [[nodiscard]] virtual std::string_view comment_check_directive() const = 0;
    /// Not empty: nothing can be done; says what to do.
    [[nodiscard]] virtual std::string error() const = 0;
    /// Not empty: something for the log, e.g. that IPv6 is not handled.
    [[nodiscard]] virtual std::string notice() const = 0;
    [[nodiscard]] virtual bool handles(ip_family family) const = 0;

    /// How rules of others are noticed when `poll` allows to look again and again.
    [[nodiscard]] virtual boost::asio::awaitable<notice_by> find_notice(ip_family family,
                                                                        bool poll) = 0;

    /// Carries out what `iptables-restore --noflush` reads. `watch`, if any, is told whose doing
    /// that is.
    [[nodiscard]] virtual boost::asio::awaitable<iptables_step>
    restore(ip_family family, std::string script, std::shared_ptr<iptables_watch> watch) = 0;

    /// Reads `table`.
    [[nodiscard]] virtual boost::asio::awaitable<iptables_step>
    save(ip_family family, std::string table, iptables_table& saved) = 0;

    /// Appends a listing for people of one chain, or of the whole table if `chain` is empty.
    [[nodiscard]] virtual boost::asio::awaitable<iptables_step>
    list(ip_family family, std::string table, std::string chain, std::string& text) = 0;
};

/// How `result` of `command`, which may change something or only list, is to be taken.
[[nodiscard]] iptables_step judge_iptables(const child_command& command,
                                           const child_result& result);

} // namespace fwknop
