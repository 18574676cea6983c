// SPDX-License-Identifier: Apache-2.0
#include "core/spa/fields.hpp"

#include "core/crypto/base64.hpp"
#include "core/crypto/digest.hpp"
#include "core/spa/text.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

namespace fwknop {

namespace {

constexpr char separator = ':';

/// Colons in a whole plain text, the one before the digest included.
constexpr std::ptrdiff_t min_separators = 6;
constexpr std::ptrdiff_t max_separators = 9;

/// The fields that may follow the message: NAT access, server auth, client timeout.
constexpr std::size_t max_optional_fields(message_type type) noexcept {
    return 1 + (has_nat_access(type) ? 1U : 0U) + (has_client_timeout(type) ? 1U : 0U);
}

/// The fields of a plain text before the digest, taken from left to right.
class field_reader {
  public:
    explicit field_reader(std::string_view text) noexcept : rest_{text} {}

    /// Fields not yet taken.
    [[nodiscard]] std::size_t left() const noexcept {
        return done_ ? 0
                     : 1 + static_cast<std::size_t>(
                               std::count(rest_.begin(), rest_.end(), separator));
    }

    /// The next field; empty when none is left.
    std::string_view take() noexcept {
        const std::size_t end = rest_.find(separator);
        const std::string_view field = rest_.substr(0, end);
        done_ = end == std::string_view::npos;
        rest_.remove_prefix(done_ ? rest_.size() : end + 1);
        return field;
    }

  private:
    std::string_view rest_;
    bool done_ = false;
};

/// A base64 field of at most `max_size` characters.
result<std::string> take_base64(field_reader& reader, std::size_t max_size, errc malformed,
                                errc too_long) {
    const std::string_view field = reader.take();
    if (field.size() > max_size) return too_long;
    auto decoded = crypto::base64_decode(field);
    if (!decoded || decoded->empty()) return malformed;
    return *std::move(decoded);
}

result<void> check_message(message_type type, std::string_view text) {
    if (type == message_type::command) {
        const auto parsed = parse_command_message(text);
        if (!parsed) return parsed.error();
    } else {
        const auto parsed = parse_access_message(text);
        if (!parsed) return parsed.error();
    }
    return {};
}

result<void> check_nat_access(std::string_view text) {
    const auto parsed = parse_nat_access(text);
    if (!parsed) return parsed.error();
    return {};
}

result<std::string> take_random_value(field_reader& reader) {
    const std::string_view field = reader.take();
    if (field.size() != random_value_size || !std::all_of(field.begin(), field.end(), is_digit)) {
        return errc::random_value_malformed;
    }
    return std::string{field};
}

result<std::string> take_user(field_reader& reader) {
    auto user =
        take_base64(reader, max_user_base64, errc::user_name_malformed, errc::user_name_too_long);
    if (!user) return user.error();
    if (const auto checked = check_user_name(*user); !checked) return checked.error();
    return user;
}

result<std::int64_t> take_time(field_reader& reader) {
    const std::string_view field = reader.take();
    if (field.size() > max_time_stamp_size) return errc::time_stamp_too_long;
    const auto time = parse_digits<std::int64_t>(field);
    if (!time) return errc::time_stamp_malformed;
    return *time;
}

result<std::string> take_version(field_reader& reader) {
    const std::string_view field = reader.take();
    if (field.empty() || field.size() > max_version_size) return errc::version_malformed;
    return std::string{field};
}

result<message_type> take_type(field_reader& reader) {
    const std::string_view field = reader.take();
    const auto number = parse_digits<std::uint32_t>(field);
    if (!number || field.size() > 2) return errc::message_type_malformed;
    if (*number > static_cast<std::uint32_t>(message_type::local_nat_access_timeout)) {
        return errc::message_type_unknown;
    }
    return static_cast<message_type>(*number);
}

result<std::uint32_t> take_client_timeout(field_reader& reader) {
    const std::string_view field = reader.take();
    if (field.empty() || !std::all_of(field.begin(), field.end(), is_digit)) {
        return errc::client_timeout_malformed;
    }
    const auto seconds = parse_digits<std::uint32_t>(field);
    if (!seconds || *seconds > max_client_timeout) return errc::client_timeout_too_large;
    return *seconds;
}

// What follows the message: which fields there are depends on the type and on how many are left.
result<void> take_optional_fields(field_reader& reader, message& out) {
    if (reader.left() > max_optional_fields(out.type)) return errc::too_many_fields;

    if (has_nat_access(out.type)) {
        auto nat = take_base64(reader, max_message_base64, errc::nat_access_malformed,
                               errc::nat_access_too_long);
        if (!nat) return nat.error();
        if (const auto checked = check_nat_access(*nat); !checked) return checked.error();
        out.nat_access = *std::move(nat);
    }
    const std::size_t required = has_client_timeout(out.type) ? 1 : 0;
    if (reader.left() > required) {
        auto auth = take_base64(reader, max_message_base64, errc::server_auth_malformed,
                                errc::server_auth_too_long);
        if (!auth) return auth.error();
        out.server_auth = *std::move(auth);
    }
    if (has_client_timeout(out.type)) {
        const auto seconds = take_client_timeout(reader);
        if (!seconds) return seconds.error();
        out.client_timeout = *seconds;
    }
    return {};
}

template <class T>
boost::system::error_code assign(T& target, result<T> value) {
    if (!value) return value.error();
    target = *std::move(value);
    return {};
}

result<message> decode_fields(std::string_view encoded) {
    field_reader reader{encoded};
    message out;
    if (auto e = assign(out.random_value, take_random_value(reader))) return e;
    if (auto e = assign(out.user, take_user(reader))) return e;
    if (auto e = assign(out.time, take_time(reader))) return e;
    if (auto e = assign(out.version, take_version(reader))) return e;
    if (auto e = assign(out.type, take_type(reader))) return e;
    if (auto e = assign(out.text, take_base64(reader, max_message_base64, errc::message_malformed,
                                              errc::message_too_long))) {
        return e;
    }
    if (const auto checked = check_message(out.type, out.text); !checked) return checked.error();
    if (const auto taken = take_optional_fields(reader, out); !taken) return taken.error();
    return out;
}

// The type is told by the digest's length; two lengths are shared by a SHA2 and a SHA3.
result<digest_type> match_digest(std::string_view encoded, std::string_view digest_text) {
    errc error = errc::digest_unknown;
    for (const digest_type type : all_digest_types) {
        if (digest_base64_size(type) != digest_text.size()) continue;
        const auto expected = digest_fields(encoded, type);
        if (!expected) return expected.error();
        if (crypto::equal_constant_time(*expected, digest_text)) return type;
        error = errc::digest_mismatch;
    }
    return error;
}

} // namespace

result<std::string> digest_fields(std::string_view encoded, digest_type type) {
    const auto digest = crypto::compute_digest(type, encoded);
    if (!digest) return digest.error();
    return crypto::base64_encode(digest->bytes());
}

result<std::string> encode_fields(const message& fields) {
    if (fields.random_value.size() != random_value_size ||
        !std::all_of(fields.random_value.begin(), fields.random_value.end(), is_digit)) {
        return errc::random_value_malformed;
    }
    if (const auto checked = check_user_name(fields.user); !checked) return checked.error();
    if (fields.time < 0) return errc::time_stamp_malformed;
    const std::string time = std::to_string(fields.time);
    if (time.size() > max_time_stamp_size) return errc::time_stamp_too_long;
    if (fields.version.empty() || fields.version.size() > max_version_size ||
        fields.version.find(separator) != std::string::npos) {
        return errc::version_malformed;
    }
    if (const auto checked = check_message(fields.type, fields.text); !checked) {
        return checked.error();
    }

    std::string out = fields.random_value;
    const auto append = [&out](std::string_view field) {
        out += separator;
        out += field;
    };
    append(crypto::base64_encode(fields.user));
    append(time);
    append(fields.version);
    append(std::to_string(static_cast<unsigned>(fields.type)));
    append(crypto::base64_encode(fields.text));
    if (has_nat_access(fields.type)) {
        if (!fields.nat_access) return errc::nat_access_malformed;
        if (const auto checked = check_nat_access(*fields.nat_access); !checked) {
            return checked.error();
        }
        append(crypto::base64_encode(*fields.nat_access));
    }
    if (fields.server_auth) {
        const std::string auth = crypto::base64_encode(*fields.server_auth);
        if (auth.empty()) return errc::server_auth_malformed;
        if (auth.size() > max_message_base64) return errc::server_auth_too_long;
        append(auth);
    }
    if (has_client_timeout(fields.type)) {
        if (fields.client_timeout > max_client_timeout) return errc::client_timeout_too_large;
        append(std::to_string(fields.client_timeout));
    }
    return out;
}

result<decoded_fields> decode_plaintext(std::string_view plain) {
    if (!std::all_of(plain.begin(), plain.end(), is_printable)) {
        return errc::plaintext_not_printable;
    }
    const auto separators = std::count(plain.begin(), plain.end(), separator);
    if (separators < min_separators) return errc::too_few_fields;
    if (separators > max_separators) return errc::too_many_fields;

    const std::size_t end = plain.rfind(separator);
    decoded_fields out;
    out.encoded = plain.substr(0, end);
    out.digest_text = plain.substr(end + 1);
    if (auto e = assign(out.digest, match_digest(out.encoded, out.digest_text))) return e;
    if (auto e = assign(out.message, decode_fields(out.encoded))) return e;
    return out;
}

} // namespace fwknop
