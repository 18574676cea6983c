// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/frame/frame.hpp"
#include "core/moment.hpp"
#include "core/policy/gatekeeper.hpp"
#include "core/replay/replay_table.hpp"
#include "daemon/line_budget.hpp"

#include <fwknop/ip_address.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fwknop::daemon {

/// Turns what the pipeline found into lines of the log. What only the holder of a key can cause is
/// always written; what anybody can cause has a budget and is summed up beyond it.
class decision_log {
  public:
    /// Packets of strangers that get lines, for each kind of failure, per interval; and the
    /// interval. Beyond, there are lines at debug level only.
    static constexpr std::uint32_t stranger_packets = 4;
    static constexpr std::chrono::seconds interval{30};

    /// The verdict on a packet. With `test_mode` a grant is said to be skipped.
    void judged(const datagram& packet, const verdict& result, bool test_mode, moment now);

    /// No stanza would look at a packet from there.
    void unexpected(const datagram& packet, moment now);

    void replayed(const datagram& packet, const packet_origin& original, moment now);

    /// The packet authenticated but could not be recorded, so it is refused.
    void not_recorded(const datagram& packet, const verdict& result, std::string_view why);

    /// Not checked, so that others are served: its source has used up its share of the time.
    void withheld(const datagram& packet, moment now);

    /// As many packets wait for GnuPG as may: this one is dropped.
    void gpg_overloaded(const datagram& packet, moment now);

    /// GnuPG could not work for a stanza, for a reason that an administrator can mend.
    void gpg_trouble(const datagram& packet, const stanza& entry, std::string_view why, moment now);

    /// When a summary of suppressed lines is due; none while nothing is suppressed.
    [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> summary_due() const;

    /// Writes the summary and forgets it.
    void sum_up();

  private:
    /// The kinds of failure that a stranger can cause. Each has a budget of its own, so that junk
    /// does not silence the warning of a replay.
    enum class stranger : std::uint8_t {
        unexpected_source,
        wrong_hmac,
        undecryptable,
        expired_stanza,
        unsigned_message,
        overload,
        gpg_overload,
        gpg_trouble,
        replay,
        end_,
    };
    static constexpr std::size_t stranger_kinds = static_cast<std::size_t>(stranger::end_);

    [[nodiscard]] static stranger kind_of(const refused& why) noexcept;
    [[nodiscard]] bool within_budget(stranger kind, moment now);
    void failed(const datagram& packet, const verdict& result, moment now);

    std::array<line_budget, stranger_kinds> budgets_ = make_budgets();
    static std::array<line_budget, stranger_kinds> make_budgets();
};

} // namespace fwknop::daemon
