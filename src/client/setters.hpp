// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/checked.hpp"
#include "client/settings.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

// One function for each value that the command line and the rc file have in common, so that both
// check it alike. A setter changes nothing when it fails.

namespace fwknop::client {

/// Checks `value` and puts it into the settings.
using setter = checked<void> (*)(settings&, std::string_view value);

/// How long --wait waits when it is not told, seconds.
inline constexpr std::uint32_t default_wait = 5;

/// A decimal number from `low` to `high`; nothing but digits.
[[nodiscard]] checked<std::uint64_t> parse_number(std::string_view value, std::uint64_t low,
                                                  std::uint64_t high);

/// `60`, `60sec`, `5min`, `2hours`, `1days`, with an optional `-`; 0..65536 before scaling.
/// Seconds.
[[nodiscard]] checked<std::int64_t> parse_time_offset(std::string_view value);

/// Exactly `Y` or `y` is yes; everything else is no.
template <bool settings::*Field>
checked<void> set_flag(settings& to, std::string_view value) {
    to.*Field = value == "Y" || value == "y";
    return {};
}

template <std::string settings::*Field>
checked<void> set_text(settings& to, std::string_view value) {
    to.*Field = value;
    return {};
}

/// The same for everything that only makes sense with GPG.
template <std::string settings::*Field>
checked<void> set_gpg_text(settings& to, std::string_view value) {
    to.use_gpg = true;
    return set_text<Field>(to, value);
}

template <bool settings::*Field>
checked<void> set_gpg_flag(settings& to, std::string_view value) {
    to.use_gpg = to.use_gpg || value == "Y" || value == "y";
    return set_flag<Field>(to, value);
}

/// Works for plain and for optional numbers.
template <auto Field, std::uint64_t Low, std::uint64_t High>
checked<void> set_number(settings& to, std::string_view value) {
    const auto number = parse_number(value, Low, High);
    if (!number) return number.error();
    if constexpr (requires { (to.*Field).value(); })
        to.*Field =
            static_cast<typename std::remove_reference_t<decltype(to.*Field)>::value_type>(*number);
    else
        to.*Field = static_cast<std::remove_reference_t<decltype(to.*Field)>>(*number);
    return {};
}

checked<void> set_allow_address_or_name(settings& to, std::string_view value); ///< -a
checked<void> set_allow_source(settings& to, std::string_view value);          ///< -s
checked<void> set_allow_directive(settings& to, std::string_view value);       ///< ALLOW_IP
checked<void> set_time_offset_plus(settings& to, std::string_view value);
checked<void> set_time_offset_minus(settings& to, std::string_view value);
checked<void> set_digest_type(settings& to, std::string_view value);
checked<void> set_hmac_digest_type(settings& to, std::string_view value);
checked<void> set_encryption_mode(settings& to, std::string_view value);
checked<void> set_protocol(settings& to, std::string_view value);
checked<void> set_spoof_source(settings& to, std::string_view value);      ///< -Q
checked<void> set_resolve_url(settings& to, std::string_view value);       ///< implies -R
checked<void> set_resolve_http_only(settings& to, std::string_view value); ///< implies -R
checked<void> set_http_proxy(settings& to, std::string_view value);        ///< implies -P http
checked<void> set_user_agent(settings& to, std::string_view value);
checked<void> set_wait(settings& to, std::string_view value); ///< Y (5 s) or seconds
checked<void> set_gpg_signing_pw(settings& to, std::string_view value);
checked<void> set_gpg_signing_pw_base64(settings& to, std::string_view value);
checked<void> set_key(settings& to, std::string_view value);
checked<void> set_key_base64(settings& to, std::string_view value);
checked<void> set_hmac_key(settings& to, std::string_view value);
checked<void> set_hmac_key_base64(settings& to, std::string_view value);
checked<void> set_key_command(settings& to, std::string_view value);
checked<void> set_key_file(settings& to, std::string_view value);
checked<void> set_key_descriptor(settings& to, std::string_view value);
checked<void> set_stdin(settings& to, std::string_view value);
checked<void> set_key_gen_file(settings& to, std::string_view value);
checked<void> set_v4_only(settings& to, std::string_view value);
checked<void> set_v6_only(settings& to, std::string_view value);
checked<void> set_verbose(settings& to, std::string_view value); ///< Y, N or a level
checked<void> add_verbose(settings& to, std::string_view value); ///< -v, one level more

} // namespace fwknop::client
