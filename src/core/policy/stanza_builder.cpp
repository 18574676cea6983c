// SPDX-License-Identifier: Apache-2.0
#include "core/policy/stanza_builder.hpp"

#include "core/spa/command_words.hpp"

#include <utility>

namespace fwknop {
namespace {

/// Reports about a stanza as a whole, at the line where it begins.
class judge {
  public:
    judge(const stanza& entry, diagnostics& report) : entry_{entry}, report_{report} {}

    bool refuse(const std::string& text) {
        report_.fail(entry_.file, entry_.line, text);
        report_.fail(entry_.file, 0, "[*] Data error in access file: '" + entry_.file + "'");
        return false;
    }

    void warn(const std::string& text) { report_.warn(entry_.file, entry_.line, text); }

    [[nodiscard]] std::string quoted_source() const { return "'" + entry_.source_text + "'"; }
    [[nodiscard]] std::string of_stanza() const {
        return "(stanza source: " + quoted_source() + " #" + std::to_string(entry_.number) + ")";
    }
    [[nodiscard]] std::string for_source() const {
        return " for access stanza source: " + quoted_source();
    }

  private:
    const stanza& entry_;
    diagnostics& report_;
};

bool finish_encryption(stanza_builder& builder, judge& to) {
    constexpr std::size_t legacy_size = 16; // old clients cut a longer pass phrase to this
    if (!builder.key) return true;
    if (builder.mode == encryption_mode::asymmetric) {
        to.warn("Warning: ENCRYPTION_MODE Asymmetric leaves KEY unused" + to.for_source());
        return true;
    }
    if (builder.mode == encryption_mode::legacy && builder.key->size() > legacy_size) {
        to.warn("Warning: truncating encryption key in legacy mode to 16 bytes" + to.for_source());
        builder.key->truncate(legacy_size);
    }
    encryption_key key{std::move(*builder.key), builder.mode};
    if (const auto checked = check_encryption_key(key); !checked) {
        auto text = "[*] KEY cannot be used" + to.for_source() + ": " + checked.error().message();
        if (errc_of(checked.error()) == errc::key_too_long) {
            text += " (" + std::to_string(key.pass_phrase.size()) + " bytes, at most " +
                    std::to_string(max_encryption_key_size) + " are allowed)";
        }
        return to.refuse(text);
    }
    builder.entry.encryption = std::move(key);
    return true;
}

bool finish_hmac(stanza_builder& builder, judge& to) {
    if (!builder.hmac_key) return true;
    const auto type = builder.hmac_type.value_or(digest_type::sha256);
    auto key = hmac_key::make(type, *builder.hmac_key);
    if (!key) {
        auto text = "[*] HMAC_KEY cannot be used" + to.for_source() + ": " + key.error().message();
        if (errc_of(key.error()) == errc::key_too_long) {
            text += " (" + std::to_string(builder.hmac_key->size()) + " bytes, at most " +
                    std::to_string(max_received_hmac_key_size) + " are allowed)";
        }
        return to.refuse(text);
    }
    builder.entry.hmac = std::move(*key);
    builder.hmac_key.reset();
    return true;
}

bool finish_gpg(stanza_builder& builder, judge& to) {
    auto& gpg = builder.entry.gpg;
    if (!gpg.usable()) return true;
    const bool asked = builder.gpg_require_sig.value_or(false);
    gpg.check_signature = asked || !builder.gpg_disable_sig;
    if (asked && builder.gpg_disable_sig) {
        to.warn("Warning: GPG_REQUIRE_SIG and GPG_DISABLE_SIG are both set, will check sigs " +
                to.of_stanza());
    } else if (!gpg.check_signature) {
        to.warn("Warning: GPG_REQUIRE_SIG should really be enabled for stanza source: " +
                to.quoted_source() + " (#" + std::to_string(builder.entry.number) + ")");
    }
    if (gpg.check_signature && gpg.remote_ids.empty() && gpg.fingerprint_ids.empty()) {
        return to.refuse("Must have either sig ID's or fingerprints to check via GPG_REMOTE_ID or "
                         "GPG_FINGERPRINT_ID " +
                         to.of_stanza());
    }
    return true;
}

bool split_cycle_command(const char* directive, const std::string& command,
                         std::vector<std::string>& words, judge& to) {
    auto split = split_command_words(command);
    if (!split || split->empty() || split->front().empty()) {
        return to.refuse(std::string{"[*] "} + directive + " '" + command + "' " +
                         (split ? "names no program: "
                                : "has a quote that is not closed, or ends in a backslash: ") +
                         to.quoted_source());
    }
    words = std::move(*split);
    return true;
}

bool finish_cycle(stanza_builder& builder, judge& to) {
    auto& cycle = builder.entry.cycle;
    if (cycle.open.empty() && builder.close.empty()) return true;
    if (builder.close.empty()) {
        return to.refuse("[*] Cannot set CMD_CYCLE_OPEN without also setting CMD_CYCLE_CLOSE: " +
                         to.quoted_source());
    }
    if (cycle.open.empty()) {
        return to.refuse("[*] Cannot set CMD_CYCLE_CLOSE without also setting CMD_CYCLE_OPEN: " +
                         to.quoted_source());
    }
    if (!split_cycle_command("CMD_CYCLE_OPEN", cycle.open, cycle.open_words, to)) return false;
    if (builder.close == "NONE") return true;
    if (cycle.timer.count() == 0) {
        return to.refuse("[*] Must set the CMD_CYCLE_TIMER for command cycle functionality: " +
                         to.quoted_source());
    }
    cycle.close = builder.close;
    return split_cycle_command("CMD_CYCLE_CLOSE", cycle.close, cycle.close_words, to);
}

void finish_command(const stanza_builder& builder, judge& to) {
    const auto& command = builder.entry.command;
    if (command.by_sudo && !command.enabled) {
        to.warn("Warning: ENABLE_CMD_SUDO_EXEC has no effect without ENABLE_CMD_EXEC" +
                to.for_source());
    }
    if (command.enabled && builder.entry.cycle.enabled()) {
        to.warn("Warning: ENABLE_CMD_EXEC has no effect beside CMD_CYCLE_OPEN" + to.for_source());
    }
}

bool finish_nat(stanza_builder& builder, const server_config& server, judge& to) {
    auto& nat = builder.entry.nat;
    const bool translates = nat.force_snat || nat.force_masquerade;
    const auto* const first = nat.force_nat          ? "FORCE_NAT"
                              : nat.forward_all      ? "FORWARD_ALL"
                              : nat.force_snat       ? "FORCE_SNAT"
                              : nat.force_masquerade ? "FORCE_MASQUERADE"
                              : nat.disable_dnat     ? "DISABLE_DNAT"
                                                     : nullptr;
    if (first == nullptr) return true;
    if (!server.nat_enabled()) {
        return to.refuse(std::string{"[*] "} + first +
                         " requires either ENABLE_IPT_FORWARDING or ENABLE_IPT_LOCAL_NAT in "
                         "fwknopd.conf");
    }
    if (nat.force_nat && !nat.forward_all &&
        (nat.force_nat->port == 0 || nat.force_nat->address.is_unspecified())) {
        return to.refuse("[*] FORCE_NAT " + nat.force_nat->address.to_string() + " " +
                         std::to_string(nat.force_nat->port) +
                         " leads nowhere, need an address and a port unless FORWARD_ALL is set: " +
                         to.quoted_source());
    }
    if (!translates || nat.force_nat) return true;
    if (!nat.forward_all) {
        return to.refuse("[*] FORCE_SNAT/FORCE_MASQUERADE requires either FORCE_NAT or "
                         "FORWARD_ALL: " +
                         to.quoted_source());
    }
    nat.force_nat = nat_endpoint{};
    return true;
}

} // namespace

bool finish_keys(stanza_builder& builder, diagnostics& report) {
    judge to{builder.entry, report};
    if (builder.key && builder.hmac_key && builder.key->equals(*builder.hmac_key)) {
        return to.refuse("[*] The encryption passphrase and HMAC key should not be identical" +
                         to.for_source());
    }
    if (!finish_encryption(builder, to) || !finish_hmac(builder, to) || !finish_gpg(builder, to)) {
        return false;
    }
    if (builder.entry.encryption || builder.entry.gpg.usable()) return true;
    return to.refuse("[*] No keys found" + to.for_source() +
                     ", need KEY, KEY_BASE64, or GPG_DECRYPT_ID with GPG_DECRYPT_PW or "
                     "GPG_ALLOW_NO_PW");
}

bool finish_stanza(stanza_builder& builder, const access_context& context, diagnostics& report) {
    auto& entry = builder.entry;
    judge to{entry, report};
    if (!finish_cycle(builder, to) || !finish_nat(builder, context.server, to)) return false;
    finish_command(builder, to);
    if (entry.gpg.home_dir.empty()) entry.gpg.home_dir = context.server.gpg_home_dir;
    if (entry.gpg.program.empty()) entry.gpg.program = context.server.gpg_exe;
    if (!entry.require_source_address) {
        to.warn("Warning: REQUIRE_SOURCE_ADDRESS not enabled" + to.for_source());
    }
    if (entry.max_timeout < entry.access_timeout) {
        to.warn("Warning: MAX_FW_TIMEOUT < FW_ACCESS_TIMEOUT, which caps only what clients ask "
                "for, for stanza source: " +
                to.quoted_source() + " (#" + std::to_string(entry.number) + ")");
    }
    return true;
}

} // namespace fwknop
