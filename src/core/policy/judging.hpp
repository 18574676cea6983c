// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"
#include "core/policy/decision.hpp"
#include "core/policy/gpg_signature.hpp"
#include "core/policy/server_config.hpp"
#include "core/policy/stanza.hpp"
#include "core/policy/stanza_index.hpp"

#include <fwknop/error.hpp>
#include <fwknop/ip_address.hpp>
#include <fwknop/packet.hpp>
#include <fwknop/packet_steps.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace fwknop {

/// What one stanza made of a packet: it did not authenticate, it was refused, or it is granted.
struct attempt {
    const stanza* entry = nullptr;
    std::variant<errc, refused, access_decision, command_decision, cycle_decision> outcome;
    std::string signer{}; ///< fingerprint of the key whose good signature GnuPG found, or empty

    [[nodiscard]] bool granted() const noexcept {
        return !std::holds_alternative<errc>(outcome) && !std::holds_alternative<refused>(outcome);
    }
};

/// Everything there is to say about one packet. Logging, counters and tests read this value.
/// Pointers into it are valid as long as the stanzas they were judged by.
struct verdict {
    /// In the order tried. Of the stanzas that the packet did not authenticate for only the first
    /// few are kept: a stranger's packet fails for every one of them.
    std::vector<attempt> attempts;
    /// The packet as the last stanza that it authenticated for opened it; none: for no stanza.
    std::optional<opened_packet> packet;
    const stanza* opened_by = nullptr;
    bool by_gpg = false;                      ///< `opened_by` had GnuPG open it
    std::optional<gpg_signature> signature{}; ///< the one that counted; none: not signed

    [[nodiscard]] bool authenticated() const noexcept { return packet.has_value(); }

    /// The attempt that was granted, whatever it asked for; or null.
    [[nodiscard]] const attempt* granted() const noexcept;

    /// The ports to open, if that is what was granted; or null.
    [[nodiscard]] const access_decision* grant() const noexcept;
};

/// How a packet came, as far as it is judged by that.
struct arrival {
    ip_address source;
    ip_address destination;
    std::uint16_t destination_port = 0;
    unix_time now{};
    /// The sender behind a proxy: stands for `source` where the packet asks for its own source, and
    /// nowhere else.
    std::optional<ip_address> forwarded_for{};
};

/// One packet on its way through the stanzas, in file order, until one grants it. A packet that
/// authenticated but was refused goes on to the next one, unless the refusal is final. Where a
/// stanza has GnuPG decrypt, the way stops until the answer is there:
///
///     while (const auto* const envelope = way.needs_gpg())
///         [decrypt envelope->messages for way.current()] -> way.opened(…) or way.not_opened(…)
///     way.take()
///
/// Pure: it knows neither GnuPG nor a clock. A stanza that has a symmetric key as well tries that
/// first. Stanzas with the same keyring and pass phrase get the same answer without asking again.
class judging {
  public:
    static constexpr std::size_t max_recorded_failures = 4;

    /// All but `how` must outlive this, the bytes that `packet` views too.
    judging(const std::vector<stanza>& stanzas, const stanza_index& index,
            const server_config& server, bool check_age, const candidate& packet, arrival how);

    /// What GnuPG has to decrypt; null: nothing, all is said.
    [[nodiscard]] const gpg_envelope* needs_gpg() const noexcept {
        return asked_ ? &*envelope_ : nullptr;
    }

    /// The stanza that needs GnuPG, while one does.
    [[nodiscard]] const stanza& current() const noexcept { return (*stanzas_)[at_]; }

    /// GnuPG decrypted one of the messages.
    void opened(secret_bytes plain, std::vector<gpg_signature> signatures);

    /// GnuPG did not; `why` is for the log and the counters.
    void not_opened(errc why);

    /// At the end. Once only.
    [[nodiscard]] verdict take() { return std::move(out_); }

  private:
    struct answer {
        const stanza* by = nullptr;
        std::vector<std::vector<std::uint8_t>> messages;
        errc failure{}; ///< success: the two below
        secret_bytes plain{};
        std::vector<gpg_signature> signatures{};
    };

    void run(std::size_t from);
    bool try_stanza(const stanza& entry);
    bool try_gpg(const stanza& entry, const boost::system::error_code& otherwise);
    [[nodiscard]] bool is_answered(const stanza& entry) const noexcept;
    bool use_answer(const stanza& entry);
    bool judge_packet(const stanza& entry);
    void fail(const stanza& entry, decltype(attempt::outcome) why);

    const std::vector<stanza>* stanzas_;
    const stanza_index* index_;
    const server_config* server_;
    bool check_age_;
    candidate packet_;
    arrival how_;
    std::size_t at_ = 0; ///< the stanza whose turn it is
    std::size_t failures_ = 0;
    bool asked_ = false; ///< GnuPG, with `envelope_`
    std::optional<gpg_envelope> envelope_;
    std::optional<answer> answer_; ///< GnuPG's last
    verdict out_;
};

} // namespace fwknop
