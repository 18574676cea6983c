// SPDX-License-Identifier: Apache-2.0
#include <fwknop/error.hpp>

#include <string>

namespace fwknop {

const char* message_of(errc error) noexcept {
    switch (error) {
    case errc::frame_truncated:
        return "frame is shorter than its headers promise";
    case errc::frame_link_type_unknown:
        return "link type is not supported";
    case errc::frame_not_ip:
        return "frame does not carry IP";
    case errc::frame_ip_header_malformed:
        return "IP header is malformed";
    case errc::frame_fragment:
        return "IP fragment";
    case errc::frame_transport_unknown:
        return "neither UDP, TCP nor ICMP";
    case errc::frame_transport_malformed:
        return "transport header is malformed";
    case errc::frame_empty:
        return "no payload";
    case errc::payload_too_short:
        return "payload is shorter than 140 bytes";
    case errc::payload_too_long:
        return "payload is longer than 1499 bytes";
    case errc::payload_not_base64:
        return "payload holds a character that is not base64";
    case errc::payload_rijndael_prefix:
        return "payload begins with the symmetric prefix that senders remove";
    case errc::payload_gpg_prefix:
        return "payload begins with the GPG prefix that senders remove";
    case errc::http_request_malformed:
        return "HTTP request carries no packet";
    case errc::http_user_agent_foreign:
        return "HTTP user agent does not begin with Fwknop";
    case errc::hmac_missing:
        return "packet is too short to hold an HMAC";
    case errc::hmac_mismatch:
        return "HMAC does not match";
    case errc::ciphertext_length:
        return "encrypted data is not a salt and a whole number of blocks";
    case errc::gpg_message_malformed:
        return "encrypted data is not a binary OpenPGP message to a public key";
    case errc::encryption_mode_unsupported:
        return "encryption mode is not available for symmetric packets";
    case errc::decryption_failed:
        return "decryption failed or wrong key";
    case errc::gpg_failed:
        return "GnuPG did not do its work";
    case errc::gpg_overloaded:
        return "too many packets wait for GnuPG";
    case errc::plaintext_not_printable:
        return "decrypted data holds a byte that is not printable";
    case errc::too_few_fields:
        return "decrypted data has too few fields";
    case errc::too_many_fields:
        return "decrypted data has too many fields";
    case errc::digest_unknown:
        return "digest has the length of no known type";
    case errc::digest_mismatch:
        return "digest does not match the fields";
    case errc::random_value_malformed:
        return "random value is not 16 decimal digits";
    case errc::user_name_malformed:
        return "user name is empty, not base64, or holds a forbidden character";
    case errc::user_name_too_long:
        return "user name is longer than 48 bytes";
    case errc::time_stamp_malformed:
        return "time stamp is not a decimal number";
    case errc::time_stamp_too_long:
        return "time stamp is longer than 12 digits";
    case errc::version_malformed:
        return "version is empty or longer than 8 characters";
    case errc::message_type_malformed:
        return "message type is not one or two decimal digits";
    case errc::message_type_unknown:
        return "message type is not 0 to 6";
    case errc::message_malformed:
        return "message is empty or not base64";
    case errc::message_too_long:
        return "message is longer than 192 bytes";
    case errc::nat_access_malformed:
        return "NAT access is not <host>,<port>";
    case errc::nat_access_too_long:
        return "NAT access is longer than 127 bytes";
    case errc::server_auth_malformed:
        return "server authentication field is not base64";
    case errc::server_auth_too_long:
        return "server authentication field is longer than 192 bytes";
    case errc::client_timeout_malformed:
        return "client timeout is missing or not a decimal number";
    case errc::client_timeout_too_large:
        return "client timeout is larger than 65536 seconds";
    case errc::allow_address_malformed:
        return "allow address is neither IPv4 nor IPv6";
    case errc::access_list_malformed:
        return "access list is not <proto>/<port>[,<proto>/<port>...]";
    case errc::protocol_unsupported:
        return "protocol is neither tcp nor udp";
    case errc::port_out_of_range:
        return "port is not 1 to 65535";
    case errc::command_empty:
        return "command message holds no command";
    case errc::key_empty:
        return "key is empty";
    case errc::key_too_long:
        return "key is longer than 32 bytes (encryption) or 128 bytes (HMAC)";
    case errc::base64_malformed:
        return "text is not base64";
    case errc::digest_type_unknown:
        return "no such digest type: use md5, sha1, sha256, sha384, sha512, sha3_256 or sha3_512";
    case errc::encryption_mode_unknown:
        return "no such encryption mode: use CBC, CTR, CFB, OFB, ECB, legacy or Asymmetric";
    case errc::ip_address_malformed:
        return "neither an IPv4 nor an IPv6 address";
    case errc::crypto_library_failed:
        return "the crypto library refused the operation";
    case errc::end_:
        break;
    }
    return "unknown error";
}

namespace {

class fwknop_category final : public boost::system::error_category {
  public:
    [[nodiscard]] const char* name() const noexcept override { return "fwknop"; }
    [[nodiscard]] std::string message(int value) const override {
        return message_of(static_cast<errc>(value));
    }
};

} // namespace

const boost::system::error_category& category() noexcept {
    static const fwknop_category instance;
    return instance;
}

} // namespace fwknop
