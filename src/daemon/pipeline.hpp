// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/frame/frame.hpp"
#include "core/moment.hpp"
#include "core/policy/gatekeeper.hpp"
#include "core/spa/http_carrier.hpp"
#include "daemon/decision_log.hpp"
#include "daemon/gpg_desk.hpp"
#include "daemon/replay_store.hpp"
#include "daemon/rulebook.hpp"
#include "daemon/source_budget.hpp"

#include <fwknop/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace fwknop::daemon {

/// How many packets ended where. `by_error` is indexed by `errc`, `by_refusal` by `refusal`.
struct packet_counters {
    std::array<std::uint64_t, errc_count> by_error{};
    std::array<std::uint64_t, static_cast<std::size_t>(refusal::end_)> by_refusal{};
    std::uint64_t received = 0;
    std::uint64_t unexpected = 0; ///< no stanza has that source and destination
    std::uint64_t replayed = 0;
    std::uint64_t seen_again = 0; ///< the same TCP data, captured and read, or sent anew
    std::uint64_t not_recorded = 0;
    std::uint64_t withheld = 0; ///< not checked: their source had used up its share of the time
    std::uint64_t granted = 0;
    std::uint64_t for_gpg = 0; ///< handed to GnuPG, or in line for it
};

/// The life of one packet, from what came off the wire to the request for the firewall. Nothing
/// that arrives makes it throw.
class pipeline : private gpg_customer {
  public:
    /// Called for each packet that is granted, with the attempt that was and without its payload.
    using opener = std::function<void(const attempt& granted, const datagram& packet)>;

    /// The references must outlive the pipeline. `test_mode`: judge and log, but open nothing and
    /// remember in memory only. `ask` is how GnuPG is reached. `commit_soon` is called when a
    /// packet waits for `commit`, which must be called before the loop sleeps again; null: each
    /// packet is committed at once.
    pipeline(std::shared_ptr<const rulebook> rules, replay_store& replays, decision_log& log,
             opener open, bool test_mode, gpg_desk::asker ask,
             std::function<void()> commit_soon = nullptr, const source_budget::limits& budget = {});

    /// From the next packet on these rules count; for those that wait for GnuPG, too.
    void use(std::shared_ptr<const rulebook> rules);

    void receive_frame(link_type link, std::span<const std::uint8_t> captured,
                       std::size_t wire_length, moment now);
    void receive(const result<datagram>& packet, moment now);

    /// Puts what authenticated since the last call on record, all at once, and then opens what
    /// those packets asked for.
    void commit();

    /// Packets that wait for GnuPG or for `commit`: they may still open something.
    [[nodiscard]] std::size_t waiting() const noexcept { return desk_.size() + accepted_.size(); }

    /// How many more packets may be given without one being turned away because too many wait.
    [[nodiscard]] std::size_t room() const noexcept;

    /// Lets go of the packets that wait, and takes no more of those that would.
    void close() {
        desk_.close();
        accepted_.clear();
    }

    [[nodiscard]] const packet_counters& counters() const noexcept { return counters_; }

  private:
    /// A packet that authenticated, on its way to the record.
    struct accepted {
        std::shared_ptr<const rulebook> rules; ///< the verdict points into them
        datagram packet;                       ///< without the payload, which may be gone by then
        verdict judged;
        moment arrived;
    };

    void count(const boost::system::error_code& error) noexcept;
    void unwrap(const datagram& packet, moment now);
    void consider(const datagram& packet, const std::optional<ip_address>& forwarded_for,
                  moment now);
    void note_seen(const datagram& packet, const packet_origin& original, moment now);
    void wait_for_gpg(const datagram& packet, const packet_id& id,
                      const std::optional<ip_address>& forwarded_for, moment now);
    void conclude(const datagram& packet, const packet_id& id, verdict judged, moment now);
    void conclude_accepted(const accepted& one);
    void count_attempts(const verdict& judged) noexcept;

    [[nodiscard]] std::shared_ptr<const rulebook> rules() const override { return rules_; }
    [[nodiscard]] bool is_new(const waiting_packet& one) override;
    void decided(const waiting_packet& one, verdict judged) override;
    void gpg_trouble(const waiting_packet& one, const stanza& entry,
                     const std::string& why) override;

    std::shared_ptr<const rulebook> rules_;
    bool uses_gpg_ = false; ///< some stanza of `rules_` does
    replay_store& replays_;
    decision_log& log_;
    opener open_;
    bool test_mode_;
    std::optional<http_reader> http_;
    source_budget budget_;
    packet_counters counters_;
    gpg_desk desk_;
    std::function<void()> commit_soon_;
    std::vector<accepted> accepted_;
};

} // namespace fwknop::daemon
