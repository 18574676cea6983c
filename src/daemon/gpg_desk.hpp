// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/frame/frame.hpp"
#include "core/moment.hpp"
#include "core/policy/judging.hpp"
#include "daemon/rulebook.hpp"
#include "gpg/decrypt.hpp"
#include "gpg/outcome.hpp"

#include <fwknop/ip_address.hpp>
#include <fwknop/packet.hpp>

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

namespace fwknop::daemon {

/// A packet that waits for GnuPG, with all that is known of it. Neither copied nor moved.
struct waiting_packet {
    waiting_packet(const datagram& from, const packet_id& name,
                   const std::optional<ip_address>& sender, moment now)
        : payload{from.payload}, packet{from}, id{name}, forwarded_for{sender}, arrived{now} {
        packet.payload = payload;
    }
    waiting_packet(const waiting_packet&) = delete;
    waiting_packet& operator=(const waiting_packet&) = delete;
    ~waiting_packet() = default;

    std::string payload;
    datagram packet; ///< its payload views the one above
    packet_id id;
    std::optional<ip_address> forwarded_for;
    moment arrived;
};

/// What the desk needs of whoever brings the packets.
class gpg_customer {
  public:
    gpg_customer() = default;
    gpg_customer(const gpg_customer&) = delete;
    gpg_customer& operator=(const gpg_customer&) = delete;

    /// The rules in force.
    [[nodiscard]] virtual std::shared_ptr<const rulebook> rules() const = 0;
    /// False: the packet has been accepted meanwhile, in another copy. It is let go of.
    [[nodiscard]] virtual bool is_new(const waiting_packet& one) = 0;
    /// The packet is judged. (It is new, and the rules it was judged by are in force.)
    virtual void decided(const waiting_packet& one, verdict judged) = 0;
    /// GnuPG could not work, for a reason that is no packet's fault.
    virtual void gpg_trouble(const waiting_packet& one, const stanza& entry,
                             const std::string& why) = 0;

  protected:
    ~gpg_customer() = default;
};

/// Where packets wait for GnuPG: a few at work, some in line, the rest turned away, so that no
/// flood of them costs more than that. A packet is judged from the beginning when its turn comes,
/// and once more if the rules changed while GnuPG was at work: what grants is always in force.
///
/// Two copies of one packet are never at work at the same time. A copy that would be judged like
/// the one that is here already need not be brought (`find_same`); one from elsewhere waits for the
/// first, and has its own turn only if that was not accepted: a copy sent from the wrong place
/// cannot take the right one's turn away.
class gpg_desk {
  public:
    static constexpr std::size_t max_working = 4;
    static constexpr std::size_t max_waiting = 32;
    static constexpr std::size_t max_copies = 4; ///< of one packet, from different places

    using answer = gpg::outcome<gpg::decrypted>;
    /// Asks GnuPG. `done` is called once, later, from the loop; or never, when the loop ends. The
    /// references are valid during the call only.
    using asker = std::function<void(const gpg_settings& how, const gpg_envelope& what,
                                     std::function<void(answer)> done)>;

    /// `customer` must outlive the desk.
    gpg_desk(asker ask, gpg_customer& customer);

    /// The copy of this packet that is here and will be judged alike; or null.
    [[nodiscard]] const waiting_packet*
    find_same(const datagram& packet, const packet_id& id,
              const std::optional<ip_address>& forwarded_for) const;

    /// False: there is no room for it.
    [[nodiscard]] bool take(const datagram& packet, const packet_id& id,
                            const std::optional<ip_address>& forwarded_for, moment now);

    /// How many more it takes.
    [[nodiscard]] std::size_t room() const noexcept {
        return open_ ? max_working + max_waiting - jobs_.size() : 0;
    }
    /// Packets here, at work or waiting.
    [[nodiscard]] std::size_t size() const noexcept { return jobs_.size(); }
    [[nodiscard]] std::size_t working() const noexcept { return working_; }

    /// Lets go of all packets, and takes no more.
    void close();

  private:
    struct job : waiting_packet {
        using waiting_packet::waiting_packet;
        std::shared_ptr<const rulebook> rules;
        std::optional<judging> way; ///< while it is at work
    };
    using place = std::shared_ptr<job>;

    void start_next();
    [[nodiscard]] place find_startable() const;
    void start(const place& one);
    void advance(const place& one);
    void answered(const place& one, answer what);
    void leave(const place& one);

    asker ask_;
    gpg_customer& customer_;
    std::list<place> jobs_; ///< in the order of arrival
    std::size_t working_ = 0;
    std::shared_ptr<bool> open_; ///< whose end the answers that are under way notice
};

} // namespace fwknop::daemon
