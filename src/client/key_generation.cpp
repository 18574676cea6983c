// SPDX-License-Identifier: Apache-2.0
#include "client/key_generation.hpp"

#include "client/files.hpp"

#include <cstdint>
#include <cstdlib>
#include <ostream>
#include <utility>

namespace fwknop::client {

checked<key_material> make_keys(const settings& from) {
    const auto hmac_size = from.hmac_key_size.value_or(
        static_cast<std::uint32_t>(default_hmac_key_size(from.effective_hmac_digest())));
    auto material =
        key_material::generate(from.key_size.value_or(default_encryption_key_size), hmac_size);
    if (!material) return failure("Cannot make keys: " + material.error().message());
    return std::move(*material);
}

checked<int> generate_keys(const settings& from, std::ostream& out) {
    const auto material = make_keys(from);
    if (!material) return material.error();
    const auto lines = material->lines();
    if (from.key_gen_file.empty()) {
        out << lines.text() << std::flush;
        return EXIT_SUCCESS;
    }
    if (const auto done = write_private_file(from.key_gen_file, lines.text(), write_mode::replace);
        !done)
        return failure("Unable to create key gen file: " + done.error().text);
    out << "[+] Wrote Rijndael and HMAC keys to: " << from.key_gen_file << '\n';
    return EXIT_SUCCESS;
}

} // namespace fwknop::client
