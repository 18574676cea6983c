// SPDX-License-Identifier: Apache-2.0
#include "client/key_source.hpp"

#include <fwknop/packet.hpp>

#include <algorithm>
#include <utility>

namespace fwknop::client {
namespace {

/// Legacy servers use no more of a pass phrase than this many bytes.
constexpr std::size_t max_legacy_key_size = 16;

checked<secret_bytes> obtain(given_key& given, const std::string& command,
                             const std::string& key_file, const settings& from,
                             const key_readers& readers, std::string_view prompt) {
    if (given.given) return std::move(given.key);
    if (!command.empty()) return readers.command(command);
    if (!key_file.empty()) {
        const auto text = readers.file(key_file);
        if (!text) return failure("Could not open config file: " + key_file);
        auto key = find_key(text->text(), from.destination);
        if (!key)
            return failure("Could not get key for IP: " + from.destination + " from: " + key_file);
        return std::move(*key);
    }
    auto key = from.key_descriptor ? readers.line(*from.key_descriptor) : readers.prompt(prompt);
    if (!key) return failure("[*] getpasswd() key error.");
    return std::move(*key);
}

checked<void> check_legacy(const settings& from) {
    if (from.effective_mode() == encryption_mode::legacy && from.hmac_wanted())
        return failure("Legacy encryption mode is incompatible with HMAC usage.");
    return {};
}

checked<void> obtain_encryption_key(keys& to, settings& from, const key_readers& readers) {
    auto key =
        obtain(from.key, from.key_command, from.key_file, from, readers, "Enter encryption key: ");
    if (!key) return key.error();
    to.encryption = std::move(*key);
    if (from.mode == encryption_mode::legacy && to.encryption.size() > max_legacy_key_size) {
        to.encryption.truncate(max_legacy_key_size);
        to.warning = "WARNING: Encryption key in '-M legacy' mode must be <= 16 bytes\n"
                     "long - truncating before sending SPA packet. Upgrading remote\n"
                     "fwknopd is recommended.";
    }
    if (to.encryption.size() > max_encryption_key_size)
        return failure("fwknop: fko_spa_data_final: Error 95 - Invalid key length");
    if (to.encryption.empty()) return failure("The encryption key is empty.");
    return {};
}

/// Where the encryption key would come from the pass phrase does, but for its own directive. An
/// unsigned packet needs none.
checked<void> obtain_pass_phrase(keys& to, settings& from, const key_readers& readers) {
    using gpg::pass_phrase;
    if (from.gpg_agent) {
        to.phrase = pass_phrase::from_agent();
        return {};
    }
    if (from.gpg_no_password || (from.gpg_signer.empty() && !from.gpg_password.given)) return {};
    auto& given = from.gpg_password.given ? from.gpg_password : from.key;
    auto phrase = obtain(given, from.key_command, from.key_file, from, readers,
                         "Enter passphrase for signing: ");
    if (!phrase) return phrase.error();
    to.phrase = pass_phrase::given(std::move(*phrase));
    return {};
}

} // namespace

std::optional<secret_bytes> find_key(std::string_view file, std::string_view server) {
    std::optional<secret_bytes> found;
    while (!file.empty()) {
        const auto end = std::min(file.find('\n'), file.size());
        auto line = file.substr(0, end);
        file.remove_prefix(std::min(end + 1, file.size()));
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (!line.starts_with(server)) continue;
        line.remove_prefix(server.size());
        if (!line.starts_with(':')) continue;
        line.remove_prefix(1);
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        found = secret_bytes::from_text(line);
    }
    return found;
}

std::string pass_phrase_note(const settings& from) {
    if (!from.use_gpg) return {};
    if (from.gpg_agent) return "[+] GPG mode set, signing passphrase acquired via gpg-agent";
    if (from.gpg_no_password) return "[+] GPG mode set, signing passphrase not required";
    return {};
}

checked<keys> obtain_keys(settings& from, const key_readers& readers) {
    if (const auto fits = check_legacy(from); !fits) return fits.error();
    keys got;
    const auto first = from.use_gpg ? obtain_pass_phrase(got, from, readers)
                                    : obtain_encryption_key(got, from, readers);
    if (!first) return first.error();
    if (!from.hmac_wanted()) return got;

    auto hmac = obtain(from.hmac_key, {}, from.hmac_key_file, from, readers, "Enter HMAC key: ");
    if (!hmac) return hmac.error();
    hmac->truncate(max_hmac_key_size);
    if (hmac->empty()) return failure("The HMAC key is empty.");
    if (hmac->equals(got.encryption) || hmac->equals(got.phrase.text()))
        return failure("[*] The encryption passphrase and HMAC key should not be identical, no SPA "
                       "packet sent. Exiting.");
    got.hmac = std::move(*hmac);
    return got;
}

} // namespace fwknop::client
