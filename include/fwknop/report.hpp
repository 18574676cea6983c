// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/algorithm.hpp>
#include <fwknop/packet.hpp>

#include <optional>
#include <string>

namespace fwknop {

/// What the field list says about GPG beside the packet.
struct gpg_report {
    std::optional<std::string> signer;    ///< as it was named
    std::optional<std::string> recipient; ///< as it was named
    bool check_signature = true;
    bool ignore_verify_error = false;
    std::optional<std::string> signature_id{}; ///< the last 8 digits
    std::optional<std::string> fingerprint{};  ///< of the key that signed
    int summary = -1;                          ///< GPGME's flags; -1: not decrypted
    int status = -1;                           ///< GPGME's error number; -1: not decrypted
    std::string home;
    std::string program;
};

/// The list of a packet's fields that both programs print at `--verbose`: a heading, one line a
/// field with labels right-aligned, in the order that users of fwknop know. `hmac` is the HMAC's
/// type if there is one; `payload` what is shown as the final data; `gpg` adds what there is to say
/// about GPG. Holds no key.
[[nodiscard]] std::string describe_packet(const opened_packet& packet, encryption_mode mode,
                                          std::optional<digest_type> hmac, std::string_view payload,
                                          const gpg_report* gpg = nullptr);

} // namespace fwknop
