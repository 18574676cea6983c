// SPDX-License-Identifier: Apache-2.0
#include "client/rc_file.hpp"

#include "client/setters.hpp"

#include <algorithm>
#include <array>

namespace fwknop::client {
namespace {

constexpr bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

struct directive {
    std::string_view name;
    setter apply;
    bool secret = false;
    bool whole_line = false; ///< the value goes on to the end of the line
};

constexpr std::array directives{
    directive{"ACCESS", set_text<&settings::access>},
    directive{"ALLOW_IP", set_allow_directive},
    directive{"DIGEST_TYPE", set_digest_type},
    directive{"ENCRYPTION_MODE", set_encryption_mode},
    directive{"FW_TIMEOUT", set_number<&settings::timeout, 0, 65536>},
    directive{"GPG_EXE", set_text<&settings::gpg_exe>},
    directive{"GPG_HOMEDIR", set_text<&settings::gpg_home_dir>},
    directive{"GPG_NO_SIGNING_PW", set_flag<&settings::gpg_no_password>},
    directive{"GPG_RECIPIENT", set_text<&settings::gpg_recipient>},
    directive{"GPG_SIGNER", set_text<&settings::gpg_signer>},
    directive{"GPG_SIGNING_PW", set_gpg_signing_pw, true},
    directive{"GPG_SIGNING_PW_BASE64", set_gpg_signing_pw_base64, true},
    directive{"HMAC_DIGEST_TYPE", set_hmac_digest_type},
    directive{"HMAC_KEY", set_hmac_key, true},
    directive{"HMAC_KEY_BASE64", set_hmac_key_base64, true},
    directive{"HMAC_KEY_FILE", set_text<&settings::hmac_key_file>},
    directive{"HTTP_USER_AGENT", set_user_agent},
    directive{"KEY", set_key, true},
    directive{"KEY_BASE64", set_key_base64, true},
    directive{"KEY_COMMAND", set_key_command, false, true},
    directive{"KEY_FILE", set_key_file},
    directive{"NAT_ACCESS", set_text<&settings::nat_access>},
    directive{"NAT_LOCAL", set_flag<&settings::nat_local>},
    directive{"NAT_PORT", set_number<&settings::nat_port, 0, 65535>},
    directive{"NAT_RAND_PORT", set_flag<&settings::nat_random_port>},
    directive{"NO_SAVE_ARGS", set_flag<&settings::no_save_args>},
    directive{"RAND_PORT", set_flag<&settings::random_port>},
    directive{"RESOLVE_HTTP_ONLY", set_resolve_http_only},
    directive{"RESOLVE_IP_HTTP", set_flag<&settings::resolve>},
    directive{"RESOLVE_IP_HTTPS", set_flag<&settings::resolve>},
    directive{"RESOLVE_URL", set_resolve_url},
    directive{"SERVER_RESOLVE_IPV4", set_v4_only},
    directive{"SPA_SERVER", set_text<&settings::destination>},
    directive{"SPA_SERVER_PORT", set_number<&settings::port, 0, 65535>},
    directive{"SPA_SERVER_PROTO", set_protocol},
    directive{"SPA_SOURCE_PORT", set_number<&settings::source_port, 0, 65535>},
    directive{"SPOOF_SOURCE_IP", set_spoof_source},
    directive{"SPOOF_USER", set_text<&settings::user>},
    directive{"TIME_OFFSET", set_time_offset_plus},
    directive{"USE_GPG", set_flag<&settings::use_gpg>},
    directive{"USE_GPG_AGENT", set_flag<&settings::gpg_agent>},
    directive{"USE_HMAC", set_flag<&settings::use_hmac>},
    directive{"USE_WGET_USER_AGENT", set_flag<&settings::wget_user_agent>},
    directive{"VERBOSE", set_verbose},
    directive{"WGET_CMD", set_text<&settings::wget_command>},
};

const directive* find_directive(std::string_view name) {
    const auto* const found = std::find_if(directives.begin(), directives.end(),
                                           [&](const directive& d) { return d.name == name; });
    return found == directives.end() ? nullptr : found;
}

/// Calls `visit(line, number)` until it returns a problem.
template <class Visit>
checked<void> for_each_line(std::string_view text, Visit visit) {
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto end = std::min(text.find('\n'), text.size());
        if (auto done = visit(read_rc_line(text.substr(0, end)), number); !done) return done;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return {};
}

problem parameter_error(const rc_text& rc, std::size_t number, const rc_line& line,
                        std::string_view why) {
    const bool secret = is_secret_directive(line.name);
    return failure("Parameter error in " + rc.name + ", line " + std::to_string(number) +
                   ": var=" + std::string{line.name} + ", val=" +
                   (secret ? "<hidden>" : std::string{line.value}) + " (" + std::string{why} + ")");
}

checked<void> apply_directive(settings& to, const rc_text& rc, std::size_t number,
                              const rc_line& line) {
    const auto* const known = find_directive(line.name);
    if (known == nullptr) return parameter_error(rc, number, line, "no such directive");
    if (line.value.empty()) return parameter_error(rc, number, line, "a value is missing");
    if (const auto done = known->apply(to, known->whole_line ? line.rest : line.value); !done)
        return parameter_error(rc, number, line, done.error().text);
    return {};
}

/// Applies all stanzas called `stanza`. Says whether there was one.
checked<bool> apply_stanza(settings& to, const rc_text& rc, std::string_view stanza) {
    bool found = false;
    bool inside = false;
    const auto done =
        for_each_line(rc.text, [&](const rc_line& line, std::size_t number) -> checked<void> {
            if (line.kind == rc_line_kind::stanza) {
                inside = same_stanza(line.name, stanza);
                found = found || inside;
            } else if (inside && line.kind == rc_line_kind::malformed) {
                return parameter_error(rc, number, line, "a stanza's name lacks its ]");
            } else if (inside && line.kind == rc_line_kind::directive) {
                return apply_directive(to, rc, number, line);
            }
            return {};
        });
    if (!done) return done.error();
    return found;
}

} // namespace

rc_line read_rc_line(std::string_view line) {
    while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
    if (line.empty() || line.front() == '#' || line.front() == ';') return {};
    if (line.front() == '[') {
        const auto end = line.find(']');
        if (end == std::string_view::npos) return {rc_line_kind::malformed, line, {}};
        return {rc_line_kind::stanza, line.substr(1, end - 1), {}};
    }
    const auto name_size = std::min(line.find_first_of(" \t\r:"), line.size());
    const auto name = line.substr(0, name_size);
    line.remove_prefix(name_size);
    while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
    if (!line.empty() && line.front() == ':') line.remove_prefix(1);
    while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
    const auto value = line.substr(0, line.find_first_of(" \t\r;#"));
    while (!line.empty() && is_blank(line.back())) line.remove_suffix(1);
    return {rc_line_kind::directive, name, value, line};
}

checked<void> apply_rc(settings& to, std::span<const rc_text> texts, std::string_view stanza) {
    to.current = layer::default_stanza;
    for (const auto& rc : texts)
        if (const auto done = apply_stanza(to, rc, "default"); !done) return done.error();
    if (stanza.empty()) return {};
    to.current = layer::named_stanza;
    bool found = false;
    for (const auto& rc : texts) {
        const auto done = apply_stanza(to, rc, stanza);
        if (!done) return done.error();
        found = found || *done;
    }
    if (!found)
        return failure("Named configuration stanza: [" + std::string{stanza} + "] was not found.");
    return {};
}

std::vector<std::string> stanza_names(std::string_view text) {
    std::vector<std::string> names;
    (void)for_each_line(text, [&](const rc_line& line, std::size_t) -> checked<void> {
        const auto known = [&](const std::string& name) { return same_stanza(name, line.name); };
        if (line.kind == rc_line_kind::stanza && !same_stanza(line.name, "default") &&
            std::none_of(names.begin(), names.end(), known))
            names.emplace_back(line.name);
        return {};
    });
    return names;
}

bool stanza_exists(std::string_view text, std::string_view stanza) {
    bool found = false;
    (void)for_each_line(text, [&](const rc_line& line, std::size_t) -> checked<void> {
        found = found || (line.kind == rc_line_kind::stanza && same_stanza(line.name, stanza));
        return {};
    });
    return found;
}

bool same_stanza(std::string_view left, std::string_view right) noexcept {
    const auto lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [&](char a, char b) { return lower(a) == lower(b); });
}

bool is_secret_directive(std::string_view name) noexcept {
    if (const auto* const known = find_directive(name)) return known->secret;
    return true; // a misspelt one, perhaps: its value may well be a key
}

std::vector<std::string_view> directive_names() {
    std::vector<std::string_view> names;
    for (const auto& each : directives) names.push_back(each.name);
    return names;
}

} // namespace fwknop::client
