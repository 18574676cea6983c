// SPDX-License-Identifier: Apache-2.0
#include "client/setters.hpp"

#include "client/http_transport.hpp"
#include "client/key_command.hpp"
#include "core/crypto/base64.hpp"

#include <fwknop/ip_address.hpp>
#include <fwknop/packet.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace fwknop::client {
namespace {

constexpr std::uint64_t max_time_offset = 65536; ///< before scaling, as the 2.6 line has it

std::string quoted(std::string_view text) {
    return "'" + std::string{text} + "'";
}

constexpr bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

constexpr char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string_view text) {
    std::string out{text};
    std::transform(out.begin(), out.end(), out.begin(), to_lower);
    return out;
}

/// Seconds in the unit called `word`, 0 if there is no such unit.
std::int64_t unit_of(std::string_view word) {
    constexpr std::array<std::pair<std::string_view, std::int64_t>, 19> units{{
        {"", 1},         {"s", 1},     {"sec", 1},     {"secs", 1},     {"second", 1},
        {"seconds", 1},  {"m", 60},    {"min", 60},    {"mins", 60},    {"minute", 60},
        {"minutes", 60}, {"h", 3600},  {"hr", 3600},   {"hrs", 3600},   {"hour", 3600},
        {"hours", 3600}, {"d", 86400}, {"day", 86400}, {"days", 86400},
    }};
    const auto name = lower(word);
    for (const auto& [unit, seconds] : units)
        if (unit == name) return seconds;
    return 0;
}

problem invalid_time_offset(std::string_view value) {
    return failure("Invalid time offset: " + quoted(value) +
                   ", use <number>[sec|min|hours|days] with a number of 0 to 65536");
}

/// A host name as opposed to a mistyped address.
bool looks_like_a_name(std::string_view text) {
    return !text.empty() && text.find(':') == std::string_view::npos &&
           std::any_of(text.begin(), text.end(), is_letter) &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return is_letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
           });
}

problem invalid_allow(std::string_view value) {
    return failure("Invalid allow IP specified for SPA access: " + quoted(value) +
                   " is neither an IPv4 nor an IPv6 address");
}

/// Whether a key from the current layer replaces what is in `slot`.
bool replaces(const given_key& slot, layer current, bool plain) {
    return !slot.given || slot.from != current || plain || !slot.plain;
}

void put(given_key& slot, secret_bytes key, layer current, bool plain) {
    slot.key = std::move(key);
    slot.given = true;
    slot.plain = plain;
    slot.from = current;
}

checked<void> put_base64(given_key& slot, layer current, std::string_view value, const char* what) {
    auto key = crypto::base64_decode_secret(value);
    // The value is a key, however broken: it is not shown.
    if (!key)
        return failure("Base64 encoded " + std::string{what} +
                       " argument doesn't look like base64-encoded data.");
    if (key->size() > max_hmac_key_size)
        return failure("[*] Invalid decoded key length: '" + std::to_string(key->size()) +
                       "', must be in [1,128]");
    if (replaces(slot, current, false)) put(slot, std::move(*key), current, false);
    return {};
}

checked<digest_type> digest_called(std::string_view value, const char* what) {
    const auto type = parse_digest_type(value);
    if (!type)
        return failure("* Invalid " + std::string{what} + ": " + std::string{value} +
                       ", use {md5,sha1,sha256,sha384,sha512,sha3_256,sha3_512}");
    return *type;
}

} // namespace

checked<std::uint64_t> parse_number(std::string_view value, std::uint64_t low, std::uint64_t high) {
    std::uint64_t number = 0;
    const auto* const end = value.data() + value.size();
    const auto [rest, error] = std::from_chars(value.data(), end, number);
    if (error != std::errc{} || rest != end || number < low || number > high)
        return misuse("must be within [" + std::to_string(low) + "-" + std::to_string(high) +
                      "], not " + quoted(value));
    return number;
}

checked<std::int64_t> parse_time_offset(std::string_view value) {
    auto text = value;
    const bool negative = !text.empty() && text.front() == '-';
    if (negative) text.remove_prefix(1);
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = parse_number(text.substr(0, digits), 0, max_time_offset);
    const auto unit = unit_of(text.substr(digits));
    if (!number || unit == 0) return invalid_time_offset(value);
    const auto seconds = static_cast<std::int64_t>(*number) * unit;
    return negative ? -seconds : seconds;
}

checked<void> set_allow_address_or_name(settings& to, std::string_view value) {
    if (!ip_address::parse(value) && !looks_like_a_name(value)) return invalid_allow(value);
    to.allow_source = allow_from::address_or_name;
    to.allow = value;
    return {};
}

checked<void> set_allow_source(settings& to, std::string_view) {
    to.allow_source = allow_from::source;
    to.allow.clear();
    return {};
}

checked<void> set_allow_directive(settings& to, std::string_view value) {
    const auto word = lower(value);
    if (word == "source") {
        to.resolve = false;
        return set_allow_source(to, value);
    }
    if (word == "resolve") {
        to.resolve = true;
        to.allow_source = allow_from::nothing;
        return {};
    }
    if (!ip_address::parse(value)) return invalid_allow(value);
    to.resolve = false;
    return set_allow_address_or_name(to, value);
}

checked<void> set_time_offset_plus(settings& to, std::string_view value) {
    const auto seconds = parse_time_offset(value);
    if (!seconds) return seconds.error();
    to.time_offset = *seconds;
    return {};
}

checked<void> set_time_offset_minus(settings& to, std::string_view value) {
    const auto seconds = parse_time_offset(value);
    if (!seconds) return seconds.error();
    to.time_offset = -*seconds;
    return {};
}

checked<void> set_digest_type(settings& to, std::string_view value) {
    const auto type = digest_called(value, "digest type");
    if (!type) return type.error();
    to.digest = *type;
    return {};
}

checked<void> set_hmac_digest_type(settings& to, std::string_view value) {
    const auto type = digest_called(value, "hmac digest type");
    if (!type) return type.error();
    to.hmac_digest = *type;
    return {};
}

checked<void> set_encryption_mode(settings& to, std::string_view value) {
    const auto mode = parse_encryption_mode(value);
    if (!mode || *mode == encryption_mode::pcbc)
        return failure("* Invalid encryption mode: " + std::string{value} +
                       ", use {CBC,CTR,legacy,Asymmetric}");
    to.mode = *mode;
    to.use_gpg = to.use_gpg || *mode == encryption_mode::asymmetric;
    return {};
}

checked<void> set_protocol(settings& to, std::string_view value) {
    constexpr std::array carriers{carrier::udp,     carrier::tcp,     carrier::http,
                                  carrier::udp_raw, carrier::tcp_raw, carrier::icmp};
    const auto name = lower(value);
    const auto* const found = std::find_if(carriers.begin(), carriers.end(),
                                           [&](carrier each) { return name == name_of(each); });
    if (found == carriers.end())
        return failure("Unrecognized protocol: " + std::string{value} +
                       ", use {udp,tcp,http,udpraw,tcpraw,icmp}");
    to.protocol = *found;
    return {};
}

checked<void> set_spoof_source(settings& to, std::string_view value) {
    const auto address = ip_address::parse(value);
    if (!address)
        return failure("Invalid spoof IP: " + quoted(value) +
                       " is neither an IPv4 nor an IPv6 address");
    to.spoof_source = *address;
    return {};
}

checked<void> set_resolve_url(settings& to, std::string_view value) {
    to.resolve_url = value;
    to.resolve = true;
    return {};
}

checked<void> set_resolve_http_only(settings& to, std::string_view value) {
    to.resolve_http_only = value == "Y" || value == "y";
    to.resolve = to.resolve || to.resolve_http_only;
    return {};
}

checked<void> set_http_proxy(settings& to, std::string_view value) {
    if (const auto proxy = parse_http_proxy(value); !proxy) return proxy.error();
    to.http_proxy = value;
    to.protocol = carrier::http;
    return {};
}

checked<void> set_user_agent(settings& to, std::string_view value) {
    // It becomes a line of a request, and must not add others.
    const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
    if (!std::all_of(value.begin(), value.end(), printable))
        return misuse("must be printable ASCII");
    to.user_agent = value;
    return {};
}

checked<void> set_wait(settings& to, std::string_view value) {
    if (value == "Y") { // the option without a value
        to.wait = default_wait;
        return {};
    }
    return set_number<&settings::wait, 1, 3600>(to, value);
}

checked<void> set_gpg_signing_pw(settings& to, std::string_view value) {
    put(to.gpg_password, secret_bytes::from_text(value), to.current, true);
    return {};
}

checked<void> set_gpg_signing_pw_base64(settings& to, std::string_view value) {
    return put_base64(to.gpg_password, to.current, value, "GPG signing passphrase");
}

checked<void> set_key(settings& to, std::string_view value) {
    put(to.key, secret_bytes::from_text(value), to.current, true);
    return {};
}

checked<void> set_key_base64(settings& to, std::string_view value) {
    return put_base64(to.key, to.current, value, "Rijndael");
}

checked<void> set_hmac_key(settings& to, std::string_view value) {
    // Longer ones are cut, as clients of the 2.6 line do: the server has the same 128 bytes.
    put(to.hmac_key, secret_bytes::from_text(value.substr(0, max_hmac_key_size)), to.current, true);
    return {};
}

checked<void> set_hmac_key_base64(settings& to, std::string_view value) {
    return put_base64(to.hmac_key, to.current, value, "HMAC");
}

checked<void> set_key_command(settings& to, std::string_view value) {
    if (const auto words = split_command(value); !words) return words.error();
    // A key of this layer wins over a command, one of an earlier layer loses.
    if (to.key.given && to.key.from != to.current) to.key = {};
    to.key_command = value;
    to.key_file.clear();
    return {};
}

checked<void> set_key_file(settings& to, std::string_view value) {
    to.key_file = value;
    to.key_command.clear();
    return {};
}

checked<void> set_key_descriptor(settings& to, std::string_view value) {
    return set_number<&settings::key_descriptor, 0, 1'048'576>(to, value);
}

checked<void> set_stdin(settings& to, std::string_view) {
    to.key_descriptor = 0;
    return {};
}

checked<void> set_key_gen_file(settings& to, std::string_view value) {
    to.key_gen = true;
    to.key_gen_file = value;
    return {};
}

checked<void> set_v4_only(settings& to, std::string_view value) {
    if (value == "Y" || value == "y") to.family = family_choice::v4_only;
    return {};
}

checked<void> set_v6_only(settings& to, std::string_view) {
    to.family = family_choice::v6_only;
    return {};
}

checked<void> set_verbose(settings& to, std::string_view value) {
    if (const auto level = parse_number(value, 0, 9))
        to.verbose = static_cast<unsigned>(*level);
    else
        to.verbose = value == "Y" || value == "y" ? 1 : 0;
    return {};
}

checked<void> add_verbose(settings& to, std::string_view) {
    ++to.verbose;
    return {};
}

} // namespace fwknop::client
