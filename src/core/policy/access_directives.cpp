// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/base64.hpp"
#include "core/policy/access_values.hpp"
#include "core/policy/config_line.hpp"
#include "core/policy/cycle_command.hpp"
#include "core/policy/stanza_builder.hpp"

#include <algorithm>
#include <utility>

namespace fwknop {
namespace {

/// Everything that a line's reader may look at.
struct line_job {
    stanza_builder& builder;
    const access_value& value;
    const access_context& context;
    diagnostics& report;

    [[nodiscard]] stanza& entry() const noexcept { return builder.entry; }
    [[nodiscard]] std::string text() const { return std::string{value.text}; }
    [[nodiscard]] std::string name() const { return std::string{value.name}; }
    void refuse(std::string why) const { report.fail(value.file, value.line, std::move(why)); }
    void warn(std::string why) const { report.warn(value.file, value.line, std::move(why)); }
};

using apply_line = void (*)(const line_job&);

// ------------------------------------------------------------------------------ plain values

template <auto Part, auto Member>
void text_of(const line_job& job) {
    (job.entry().*Part).*Member = job.value.text;
}

template <auto Member>
void account_of(const line_job& job) {
    job.entry().command.*Member = {std::string{job.value.text}, job.value.file, job.value.line};
}

template <auto Part, auto Member>
void flag_of(const line_job& job) {
    (job.entry().*Part).*Member = is_yes(job.value.text);
}

/// A number of seconds in `low`..8388608.
[[nodiscard]] std::optional<std::chrono::seconds> seconds_of(const line_job& job,
                                                             std::uint64_t low) {
    constexpr std::uint64_t high = 8'388'608; // the 2.6 line's, 97 days
    const auto number = read_number(job.value.text);
    if (!number || number->value < low || number->value > high) {
        job.refuse("[*] " + job.name() + " value not in range [" + std::to_string(low) + "," +
                   std::to_string(high) + "]: '" + job.text() + "'");
        return std::nullopt;
    }
    if (number->remark) {
        job.warn("[*] " + job.name() + " value '" + job.text() +
                 "' has more than a number, the rest is ignored");
    }
    return std::chrono::seconds{number->value};
}

void access_timeout(const line_job& job) {
    const auto value = seconds_of(job, 0);
    if (value) job.entry().access_timeout = value->count() ? *value : default_access_timeout;
}

void max_timeout(const line_job& job) {
    const auto value = seconds_of(job, 0);
    if (value) job.entry().max_timeout = value->count() ? *value : default_max_timeout;
}

void stanza_name(const line_job& job) {
    job.entry().name = job.value.text;
}

void require_username(const line_job& job) {
    job.entry().require_username = job.text();
}

void require_source(const line_job& job) {
    job.entry().require_source_address = is_yes(job.value.text);
}

void expire_date(const line_job& job) {
    const auto day = read_date(job.value.text);
    if (!day) {
        job.refuse("[*] Fatal: invalid date value '" + job.text() +
                   "' (need MM/DD/YYYY) for access stanza expiration time");
        return;
    }
    job.entry().expiry = job.context.midnight(static_cast<int>(day->year()),
                                              static_cast<int>(static_cast<unsigned>(day->month())),
                                              static_cast<int>(static_cast<unsigned>(day->day())));
}

void expire_epoch(const line_job& job) {
    // Twelve digits, as in packets: nobody means a later year, and sums cannot overflow.
    constexpr std::uint64_t latest = 999'999'999'999;
    const auto number = read_number(job.value.text);
    if (!number || number->value > latest) {
        job.refuse("[*] Fatal: invalid epoch seconds value '" + job.text() +
                   "' for access stanza expiration time");
        return;
    }
    job.entry().expiry = from_seconds(static_cast<std::int64_t>(number->value));
}

// ------------------------------------------------------------------------ addresses and ports

void destination(const line_job& job) {
    auto set = network_set::parse(job.value.text);
    if (!set) {
        job.refuse("[*] Fatal invalid DESTINATION in access stanza: " + set.error().text);
        return;
    }
    job.entry().destination = std::move(*set);
    job.entry().destination_text = job.value.text;
}

[[nodiscard]] std::optional<port_set> ports_of(const line_job& job) {
    auto set = port_set::parse(job.value.text);
    if (set) return std::move(*set);
    job.refuse("[*] Fatal invalid " + job.name() + " in access stanza: " + set.error().text);
    return std::nullopt;
}

void open_ports(const line_job& job) {
    if (auto set = ports_of(job)) job.entry().open_ports = std::move(set);
}

void restrict_ports(const line_job& job) {
    if (auto set = ports_of(job)) job.entry().restrict_ports = std::move(*set);
}

void source_widen(const line_job& job) {
    const auto widths = read_widths(job.value.text);
    if (!widths) {
        job.refuse("SOURCE_WIDEN: " + widths.error().text);
        return;
    }
    job.entry().widen = *widths;
}

// --------------------------------------------------------------------------------------- keys

/// The placeholder that example files have in place of a key.
[[nodiscard]] bool is_unset(const line_job& job) {
    if (job.value.text != "__CHANGEME__") return false;
    job.refuse("[*] " + job.name() + " value is not properly set in stanza source '" +
               job.entry().source_text + "' in access file: '" + job.value.file +
               "', replace __CHANGEME__ by a key from fwknopd --key-gen");
    return true;
}

template <auto Member>
void plain_key(const line_job& job) {
    if (!is_unset(job)) job.builder.*Member = secret_bytes::from_text(job.value.text);
}

template <auto Member>
void base64_key(const line_job& job) {
    if (is_unset(job)) return;
    auto key = crypto::base64_decode_secret(job.value.text);
    if (!key || key->empty()) {
        // The value may be a key with one wrong character: it is not shown.
        job.refuse("[*] " + job.name() +
                   " argument doesn't look like base64-encoded data; a pass phrase goes with " +
                   job.name().substr(0, job.name().size() - 7));
        return;
    }
    job.builder.*Member = std::move(*key);
}

void hmac_type(const line_job& job) {
    const auto type = parse_digest_type(job.value.text);
    if (!type) {
        job.refuse("[*] HMAC_DIGEST_TYPE argument '" + job.text() +
                   "' must be one of {md5,sha1,sha256,sha384,sha512,sha3_256,sha3_512}");
        return;
    }
    job.builder.hmac_type = *type;
}

void mode(const line_job& job) {
    const auto value = parse_encryption_mode(job.value.text);
    if (!value || *value == encryption_mode::pcbc) {
        job.refuse("[*] Unrecognized ENCRYPTION_MODE '" + job.text() +
                   "', use {CBC,CTR,CFB,OFB,ECB,legacy,Asymmetric}");
        return;
    }
    job.builder.mode = *value;
}

// ---------------------------------------------------------------------------------------- GPG

void gpg_password(const line_job& job) {
    if (!is_unset(job)) {
        job.entry().gpg.decrypt_password = secret_bytes::from_text(job.value.text);
    }
}

void gpg_require_sig(const line_job& job) {
    job.builder.gpg_require_sig = is_yes(job.value.text);
}

void gpg_disable_sig(const line_job& job) {
    job.builder.gpg_disable_sig = is_yes(job.value.text);
}

template <auto Member>
void gpg_ids(const line_job& job) {
    auto ids = read_gpg_ids(job.value.text, job.value.name == "GPG_FINGERPRINT_ID");
    if (!ids) {
        job.refuse("[*] Fatal invalid " + job.name() +
                   " list in access stanza: " + ids.error().text);
        return;
    }
    job.entry().gpg.*Member = std::move(*ids);
}

// ------------------------------------------------------------------------------- commands, NAT

void check_command(const line_job& job) {
    constexpr std::size_t limit = 256; // commands are shorter
    if (job.value.text.size() >= limit) {
        job.refuse("[*] " + job.name() + " has " + std::to_string(job.value.text.size()) +
                   " characters, need less than 256");
    }
    for (const auto& name : unknown_variables(job.value.text)) {
        job.warn("[*] " + job.name() + ": " + name +
                 " is no variable of command cycles and stays as it is");
    }
}

void cycle_open(const line_job& job) {
    check_command(job);
    job.entry().cycle.open = job.value.text;
}

void cycle_close(const line_job& job) {
    check_command(job);
    job.builder.close = job.value.text;
}

void cycle_timer(const line_job& job) {
    if (const auto value = seconds_of(job, 1)) job.entry().cycle.timer = *value;
}

void force_nat(const line_job& job) {
    const auto target = read_endpoint(job.value.text);
    if (!target) {
        job.refuse("[*] Fatal: invalid FORCE_NAT " + target.error().text);
        return;
    }
    job.entry().nat.force_nat = *target;
}

void force_snat(const line_job& job) {
    const auto address = ip_address::parse(job.value.text);
    if (!address) {
        job.refuse("[*] Fatal: invalid FORCE_SNAT IP '" + job.text() + "'");
        return;
    }
    job.entry().nat.force_snat = *address;
}

// ---------------------------------------------------------------------------------- the table

struct access_directive {
    std::string_view name;
    apply_line apply;
    bool of_key_file = false; ///< `%include_keys` files may have it
};

constexpr access_directive table[] = {
    {"NAME", stanza_name},
    {"DESTINATION", destination},
    {"OPEN_PORTS", open_ports},
    {"RESTRICT_PORTS", restrict_ports},
    {"KEY", plain_key<&stanza_builder::key>, true},
    {"KEY_BASE64", base64_key<&stanza_builder::key>, true},
    {"HMAC_KEY", plain_key<&stanza_builder::hmac_key>, true},
    {"HMAC_KEY_BASE64", base64_key<&stanza_builder::hmac_key>, true},
    {"HMAC_DIGEST_TYPE", hmac_type},
    {"ENCRYPTION_MODE", mode},
    {"FW_ACCESS_TIMEOUT", access_timeout},
    {"MAX_FW_TIMEOUT", max_timeout},
    {"ACCESS_EXPIRE", expire_date},
    {"ACCESS_EXPIRE_EPOCH", expire_epoch},
    {"REQUIRE_USERNAME", require_username},
    {"REQUIRE_SOURCE_ADDRESS", require_source},
    {"REQUIRE_SOURCE", require_source},
    {"SOURCE_WIDEN", source_widen},
    {"ENABLE_CMD_EXEC", flag_of<&stanza::command, &command_settings::enabled>},
    {"ENABLE_CMD_SUDO_EXEC", flag_of<&stanza::command, &command_settings::by_sudo>},
    {"CMD_EXEC_USER", account_of<&command_settings::user>},
    {"CMD_EXEC_GROUP", account_of<&command_settings::group>},
    {"CMD_SUDO_EXEC_USER", account_of<&command_settings::sudo_user>},
    {"CMD_SUDO_EXEC_GROUP", account_of<&command_settings::sudo_group>},
    {"CMD_CYCLE_OPEN", cycle_open},
    {"CMD_CYCLE_CLOSE", cycle_close},
    {"CMD_CYCLE_TIMER", cycle_timer},
    {"GPG_HOME_DIR", text_of<&stanza::gpg, &gpg_settings::home_dir>},
    {"GPG_EXE", text_of<&stanza::gpg, &gpg_settings::program>},
    {"GPG_DECRYPT_ID", text_of<&stanza::gpg, &gpg_settings::decrypt_id>, true},
    {"GPG_DECRYPT_PW", gpg_password, true},
    {"GPG_ALLOW_NO_PW", flag_of<&stanza::gpg, &gpg_settings::no_password>, true},
    {"GPG_REQUIRE_SIG", gpg_require_sig, true},
    {"GPG_DISABLE_SIG", gpg_disable_sig, true},
    {"GPG_IGNORE_SIG_VERIFY_ERROR", flag_of<&stanza::gpg, &gpg_settings::ignore_verify_error>,
     true},
    {"GPG_REMOTE_ID", gpg_ids<&gpg_settings::remote_ids>, true},
    {"GPG_FINGERPRINT_ID", gpg_ids<&gpg_settings::fingerprint_ids>, true},
    {"FORCE_NAT", force_nat},
    {"FORCE_SNAT", force_snat},
    {"FORCE_MASQUERADE", flag_of<&stanza::nat, &nat_settings::force_masquerade>},
    {"DISABLE_DNAT", flag_of<&stanza::nat, &nat_settings::disable_dnat>},
    {"FORWARD_ALL", flag_of<&stanza::nat, &nat_settings::forward_all>},
};

} // namespace

bool apply_access_directive(stanza_builder& builder, const access_value& value,
                            const access_context& context, diagnostics& report) {
    const auto* const found = std::ranges::find(table, value.name, &access_directive::name);
    if (found == std::end(table)) return false;
    found->apply({builder, value, context, report});
    return true;
}

bool is_key_directive(std::string_view name) noexcept {
    const auto* const found = std::ranges::find(table, name, &access_directive::name);
    return found != std::end(table) && found->of_key_file;
}

} // namespace fwknop
