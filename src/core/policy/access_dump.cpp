// SPDX-License-Identifier: Apache-2.0
#include "core/policy/access_config.hpp"

#include <iomanip>
#include <sstream>

namespace fwknop {
namespace {

constexpr const char* not_set = "<not set>";
constexpr const char* hidden = "<see the access.conf file>";

class stanza_printer {
  public:
    explicit stanza_printer(std::ostream& out) : out_{out} {}

    void text(std::string_view label, std::string_view value) {
        out_ << std::setw(27) << std::right << label << ":  "
             << (value.empty() ? std::string_view{not_set} : value) << '\n';
    }
    void flag(std::string_view label, bool value) { text(label, value ? "Yes" : "No"); }
    void number(std::string_view label, std::int64_t value) { text(label, std::to_string(value)); }
    void secret(std::string_view label, bool present) { text(label, present ? hidden : not_set); }

    void list(std::string_view label, const std::vector<std::string>& items) {
        std::string joined;
        for (const auto& item : items) joined += (joined.empty() ? "" : ",") + item;
        text(label, joined);
    }

    void ports(std::string_view label, const port_set* set) {
        std::string joined;
        for (const auto& range : set ? set->ranges() : std::vector<port_range>{}) {
            joined += (joined.empty() ? "" : ",") + std::string{name_of(range.protocol)} + "/" +
                      std::to_string(range.first);
            if (range.last != range.first) joined += "-" + std::to_string(range.last);
        }
        text(label, joined);
    }

  private:
    std::ostream& out_;
};

void print(std::ostream& out, const stanza& entry) {
    stanza_printer to{out};
    out << "SOURCE (" << entry.number << "):  " << entry.source_text << '\n'
        << "==============================================================\n";
    if (!entry.name.empty()) to.text("NAME", entry.name);
    to.text("DESTINATION", entry.destination_text);
    to.ports("OPEN_PORTS", entry.open_ports ? &*entry.open_ports : nullptr);
    to.ports("RESTRICT_PORTS", &entry.restrict_ports);
    const auto& key = entry.encryption;
    to.secret("KEY", key.has_value());
    to.number("KEY_LEN", key ? static_cast<std::int64_t>(key->pass_phrase.size()) : 0);
    to.text("ENCRYPTION_MODE", key ? name_of(key->mode) : name_of(encryption_mode::asymmetric));
    to.secret("HMAC_KEY", entry.hmac.has_value());
    to.number("HMAC_DIGEST_TYPE", entry.hmac ? static_cast<int>(entry.hmac->type()) : 0);
    to.number("FW_ACCESS_TIMEOUT", entry.access_timeout.count());
    to.number("MAX_FW_TIMEOUT", entry.max_timeout.count());
    to.flag("ENABLE_CMD_EXEC", entry.command.enabled);
    to.flag("ENABLE_CMD_SUDO_EXEC", entry.command.by_sudo);
    to.text("CMD_SUDO_EXEC_USER", entry.command.sudo_user.text);
    to.text("CMD_SUDO_EXEC_GROUP", entry.command.sudo_group.text);
    to.text("CMD_EXEC_USER", entry.command.user.text);
    to.text("CMD_EXEC_GROUP", entry.command.group.text);
    to.text("CMD_CYCLE_OPEN", entry.cycle.open);
    to.text("CMD_CYCLE_CLOSE",
            entry.cycle.enabled() && entry.cycle.close.empty() ? "NONE" : entry.cycle.close);
    to.number("CMD_CYCLE_TIMER", entry.cycle.timer.count());
    to.text("REQUIRE_USERNAME", entry.require_username.value_or(""));
    to.flag("REQUIRE_SOURCE_ADDRESS", entry.require_source_address);
    const auto& nat = entry.nat;
    to.text("FORCE_NAT (ip)", nat.force_nat ? nat.force_nat->address.to_string() : "");
    to.number("FORCE_NAT (port)", nat.force_nat ? nat.force_nat->port : 0);
    to.text("FORCE_SNAT (ip)", nat.force_snat ? nat.force_snat->to_string() : "");
    to.flag("FORCE_MASQUERADE", nat.force_masquerade);
    to.flag("DISABLE_DNAT", nat.disable_dnat);
    to.flag("FORWARD_ALL", nat.forward_all);
    // Seconds: core knows no time zone to write a date in.
    to.text("ACCESS_EXPIRE", entry.expiry ? std::to_string(to_seconds(*entry.expiry)) : "");
    const auto& gpg = entry.gpg;
    to.text("GPG_HOME_DIR", gpg.usable() ? gpg.home_dir : "");
    to.text("GPG_EXE", gpg.usable() ? gpg.program : "");
    to.text("GPG_DECRYPT_ID", gpg.decrypt_id);
    to.secret("GPG_DECRYPT_PW", gpg.decrypt_password.has_value());
    to.flag("GPG_REQUIRE_SIG", gpg.usable() && gpg.check_signature);
    to.flag("GPG_IGNORE_SIG_VERIFY_ERROR", gpg.ignore_verify_error);
    to.list("GPG_REMOTE_ID", gpg.remote_ids);
    to.list("GPG_FINGERPRINT_ID", gpg.fingerprint_ids);
    out << '\n';
}

} // namespace

std::string dump(const std::vector<stanza>& stanzas) {
    std::ostringstream out;
    for (const auto& entry : stanzas) print(out, entry);
    return out.str();
}

} // namespace fwknop
