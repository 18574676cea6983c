// SPDX-License-Identifier: Apache-2.0
#include "core/spa/text.hpp"

#include <fwknop/report.hpp>

#include <string_view>

namespace fwknop {

namespace {

constexpr std::size_t label_width = 15;
constexpr std::string_view absent = "<NULL>";

std::string numbered(unsigned number, std::string_view name) {
    return std::to_string(number) + " (" + std::string{name} + ')';
}

std::string or_absent(const std::optional<std::string>& value) {
    return value ? escaped(*value) : std::string{absent};
}

} // namespace

std::string describe_packet(const opened_packet& packet, encryption_mode mode,
                            std::optional<digest_type> hmac, std::string_view payload,
                            const gpg_report* gpg) {
    std::string out = "SPA Field Values:\n=================\n";
    const auto line = [&out](std::string_view label, std::string_view value) {
        out.append(label_width - label.size(), ' ').append(label).append(": ");
        out.append(value).append("\n");
    };
    const message& fields = packet.message;
    line("Random Value", fields.random_value);
    line("Username", escaped(fields.user));
    line("Timestamp", std::to_string(fields.time));
    line("FKO Version", escaped(fields.version));
    line("Message Type", numbered(static_cast<unsigned>(fields.type), name_of(fields.type)));
    line("Message String", escaped(fields.text));
    line("Nat Access", or_absent(fields.nat_access));
    line("Server Auth", or_absent(fields.server_auth));
    line("Client Timeout", std::to_string(fields.client_timeout));
    line("Digest Type", numbered(static_cast<unsigned>(packet.digest), name_of(packet.digest)));
    line("HMAC Type",
         hmac ? numbered(static_cast<unsigned>(*hmac), name_of(*hmac)) : numbered(0, "None"));
    line("Encryption Type",
         mode == encryption_mode::asymmetric ? numbered(2, "GPG") : numbered(1, "Rijndael"));
    line("Encryption Mode", numbered(static_cast<unsigned>(mode), name_of(mode)));
    if (gpg != nullptr) {
        line("GPG signer", or_absent(gpg->signer));
        line("GPG recipient", or_absent(gpg->recipient));
        line("GPG sig verify", gpg->check_signature ? "Yes" : "No");
        line("GPG ignore sig", gpg->ignore_verify_error ? "Yes" : "No");
        line("GPG sig ID", or_absent(gpg->signature_id));
        line("GPG sig fpr", or_absent(gpg->fingerprint));
        line("GPG sig summary", std::to_string(gpg->summary));
        line("GPG sig status", std::to_string(gpg->status));
        line("GPG home dir", escaped(gpg->home));
        line("GPG exe", escaped(gpg->program));
    }
    line("Encoded Data", packet.encoded);
    line("SPA Data Digest", packet.digest_text);
    line("HMAC", packet.hmac_text.empty() ? absent : std::string_view{packet.hmac_text});
    line("Final SPA Data", payload);
    return out;
}

} // namespace fwknop
