// SPDX-License-Identifier: Apache-2.0
#include "incumbent/difference.hpp"

#include "core/crypto/base64.hpp"
#include "core/spa/text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <vector>

namespace fwknop::fuzz {

namespace {

/// The fields of the plain text before the digest; those that are not there are empty.
std::vector<std::string_view> fields_of(std::string_view plain) {
    std::vector<std::string_view> out;
    for (bool more = true; more;) {
        const std::size_t end = plain.find(':');
        out.push_back(plain.substr(0, end));
        more = end != plain.npos;
        if (more) plain.remove_prefix(end + 1);
    }
    out.pop_back();
    constexpr std::size_t most = 10;
    out.resize(std::max(out.size(), most));
    return out;
}

// In the order of the wire.
enum field : std::uint8_t {
    user_field = 1,
    time_field = 2,
    type_field = 4,
    text_field = 5
};

std::string decoded(std::string_view field) {
    const auto bytes = crypto::base64_decode(field);
    return bytes ? *bytes : std::string{};
}

bool all_digits(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

bool has_zero(std::string_view text) {
    return text.find('\0') != text.npos;
}

std::string until_zero(const std::string& text) {
    return text.substr(0, text.find('\0'));
}

errc our_error(const comparison& both) {
    return both.ours ? errc::end_ : errc_of(both.ours.error());
}

bool any_of(errc error, std::initializer_list<errc> these) {
    return std::find(these.begin(), these.end(), error) != these.end();
}

// Length, prefix and alphabet, which their daemon checks before it asks the library.
bool outer_form(const comparison& both) {
    return any_of(our_error(both),
                  {errc::payload_too_short, errc::payload_too_long, errc::payload_rijndael_prefix,
                   errc::payload_gpg_prefix, errc::payload_not_base64});
}

// One packet in two spellings: left-over bits of the base64, which nobody
// reads.
bool second_spelling(const comparison& both) {
    return both.theirs.error == 0 && our_error(both) == errc::ciphertext_length;
}

// Their numbers may have signs, blanks and tails.
bool number_with_more(const comparison& both) {
    const auto fields = fields_of(both.plain);
    switch (our_error(both)) {
    case errc::time_stamp_malformed:
        return !all_digits(fields[time_field]);
    case errc::message_type_malformed:
        return !all_digits(fields[type_field]);
    default:
        return false;
    }
}

// What their 32-bit numbers and their texts that end at a zero byte leave of what we read.
told as_they_read(told ours) {
    ours.time = static_cast<std::int32_t>(ours.time);
    ours.text = until_zero(ours.text);
    ours.server_auth = until_zero(ours.server_auth);
    return ours;
}

// Their numbers have 32 bits.
bool time_after_2038(const comparison& both) {
    if (!both.ours || both.ours->message.time <= std::numeric_limits<std::int32_t>::max())
        return false;
    return both.theirs.error != 0 || as_they_read(tell(*both.ours)) == both.theirs.what;
}

// Their texts end at a zero byte.
bool zero_byte(const comparison& both) {
    if (both.theirs.error != 0) // a command of which nothing is left
        return both.ours && has_zero(both.ours->message.text) &&
               until_zero(both.ours->message.text).ends_with(',');
    if (both.ours) return as_they_read(tell(*both.ours)) == both.theirs.what;
    const auto fields = fields_of(both.plain);
    return any_of(our_error(both), {errc::user_name_malformed, errc::access_list_malformed,
                                    errc::nat_access_malformed}) &&
           std::any_of(fields.begin(), fields.end(),
                       [](std::string_view each) { return has_zero(decoded(each)); });
}

// Their library knows IPv4 only.
bool ipv6_address(const comparison& both) {
    if (!both.ours || both.theirs.error == 0) return false;
    const std::string& text = both.ours->message.text;
    const auto address = ip_address::parse(text.substr(0, text.find(',')));
    return address && address->is_v6();
}

// Nobody's host has such a name.
bool unprintable_nat_host(const comparison& both) {
    if (our_error(both) != errc::nat_access_malformed) return false;
    const auto fields = fields_of(both.plain);
    const std::string nat = decoded(fields[text_field + 1]);
    return !std::all_of(nat.begin(), nat.end(), is_printable);
}

// Nobody's either.
bool empty_nat_host(const comparison& both) {
    return our_error(both) == errc::nat_access_malformed &&
           decoded(fields_of(both.plain)[text_field + 1]).starts_with(',');
}

// Which is a decimal number for some and an octal one for others.
bool octet_with_leading_zero(const comparison& both) {
    if (our_error(both) != errc::allow_address_malformed) return false;
    const std::string text = decoded(fields_of(both.plain)[text_field]);
    const std::string_view address = std::string_view{text}.substr(0, text.find(','));
    for (std::size_t at = 0; at + 1 < address.size(); ++at)
        if (address[at] == '0' && is_digit(address[at + 1]) && (at == 0 || address[at - 1] == '.'))
            return true;
    return false;
}

// A field that is there and says nothing.
bool empty_server_auth(const comparison& both) {
    if (our_error(both) != errc::server_auth_malformed) return false;
    const auto fields = fields_of(both.plain);
    return std::any_of(fields.begin() + text_field + 1, fields.end(),
                       [](std::string_view each) { return decoded(each).empty(); });
}

struct known {
    std::string_view name;
    bool (*is)(const comparison&);
};
constexpr std::array all_known{
    known{"outer-form", outer_form},
    known{"second-spelling", second_spelling},
    known{"number-with-more", number_with_more},
    known{"time-after-2038", time_after_2038},
    known{"zero-byte", zero_byte},
    known{"ipv6-address", ipv6_address},
    known{"unprintable-nat-host", unprintable_nat_host},
    known{"empty-nat-host", empty_nat_host},
    known{"octet-with-leading-zero", octet_with_leading_zero},
    known{"empty-server-auth", empty_server_auth},
};

} // namespace

told tell(const opened_packet& packet) {
    const message& said = packet.message;
    return {.random_value = said.random_value,
            .user = said.user,
            .time = said.time,
            .version = said.version,
            .type = static_cast<int>(said.type),
            .text = said.text,
            .nat_access = said.nat_access.value_or(""),
            .server_auth = said.server_auth.value_or(""),
            .client_timeout = said.client_timeout,
            .digest = static_cast<int>(packet.digest),
            .digest_text = packet.digest_text};
}

bool agree(const comparison& both) {
    if (!both.ours) return both.theirs.error != 0;
    return both.theirs.error == 0 && tell(*both.ours) == both.theirs.what;
}

std::optional<std::string_view> known_difference(const comparison& both) {
    for (const known& each : all_known)
        if (each.is(both)) return each.name;
    return std::nullopt;
}

std::vector<std::string_view> all_known_differences() {
    std::vector<std::string_view> names;
    for (const known& each : all_known) names.push_back(each.name);
    return names;
}

std::string describe(const comparison& both) {
    std::string out =
        "payload: " + std::string{both.payload} + "\nplain: " + escaped(both.plain) + "\nours: ";
    out += both.ours ? escaped(to_string(tell(*both.ours)))
                     : "refused: " + both.ours.error().message();
    out += "\ntheirs: ";
    out += both.theirs.error == 0 ? to_string(both.theirs.what)
                                  : std::string{"refused: "} + incumbent_words(both.theirs.error);
    return out + '\n';
}

} // namespace fwknop::fuzz
