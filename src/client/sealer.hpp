// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/checked.hpp"
#include "client/key_source.hpp"
#include "client/settings.hpp"
#include "gpg/engine.hpp"

#include <fwknop/packet.hpp>
#include <fwknop/report.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace fwknop::client {

/// A packet that was opened again, and for GPG what was found out about its signature.
struct reopened_packet {
    opened_packet contents;
    std::optional<gpg_report> gpg;
};

/// Seals packets as the settings say, symmetrically or with GPG, and opens them again.
class sealer {
  public:
    /// `from` outlives the sealer. Problem: the HMAC key cannot be one.
    [[nodiscard]] static checked<sealer> make(const settings& from, keys got);

    /// With GPG this blocks while gpg works. Problem: what cannot be sealed, or why GPG does not.
    [[nodiscard]] checked<sealed_packet> seal(message fields) const;

    /// What people should know about `sealed` before it is sent; lines, or nothing.
    [[nodiscard]] std::string warnings(const sealed_packet& sealed) const;

    /// --test: what a server would do with the packet. With GPG that takes the recipient's secret
    /// key, and a signature.
    [[nodiscard]] checked<reopened_packet> open(const sealed_packet& sealed) const;

    /// The list of fields of what was sealed, or opened again.
    [[nodiscard]] std::string describe(const sealed_packet& sealed) const;
    [[nodiscard]] std::string describe(const reopened_packet& opened) const;

  private:
    sealer(const settings& from, encryption_key key, gpg::pass_phrase phrase)
        : from_{&from}, key_{std::move(key)}, phrase_{std::move(phrase)} {}
    [[nodiscard]] gpg::engine engine() const { return {from_->gpg_exe, from_->gpg_home_dir}; }
    [[nodiscard]] const hmac_key* hmac() const noexcept { return hmac_ ? &*hmac_ : nullptr; }
    [[nodiscard]] checked<sealed_packet> seal_with_gpg(message fields) const;
    [[nodiscard]] checked<reopened_packet> open_with_gpg(const candidate& packet) const;
    [[nodiscard]] std::string describe(const opened_packet& packet, std::string_view payload,
                                       const gpg_report* gpg) const;
    const settings* from_;
    encryption_key key_;
    gpg::pass_phrase phrase_;
    std::optional<hmac_key> hmac_;
};

} // namespace fwknop::client
