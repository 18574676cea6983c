// SPDX-License-Identifier: Apache-2.0
#include "daemon/key_generation.hpp"

#include "core/spa/key_material.hpp"
#include "core/spa/text.hpp"
#include "daemon/file_descriptor.hpp"

#include <fwknop/algorithm.hpp>
#include <fwknop/packet.hpp>

#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fwknop::daemon {
namespace {

std::size_t size_of(const std::optional<std::string>& given, const char* option,
                    std::size_t otherwise, std::size_t most) {
    if (!given) return otherwise;
    const auto size = parse_digits<std::size_t>(*given);
    if (!size || *size == 0 || *size > most)
        throw std::runtime_error{std::string{"fwknopd: "} + option + " must be within [1-" +
                                 std::to_string(most) + "], not '" + *given + "'"};
    return *size;
}

digest_type digest_of(const std::optional<std::string>& given) {
    if (!given) return digest_type::sha256;
    const auto type = parse_digest_type(*given);
    if (!type)
        throw std::runtime_error{"fwknopd: --hmac-digest-type '" + *given +
                                 "': use {md5,sha1,sha256,sha384,sha512,sha3_256,sha3_512}"};
    return *type;
}

void write_private(const std::string& path, std::string_view text) {
    const file_descriptor file{
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600)};
    bool done = file && ::fchmod(file.get(), S_IRUSR | S_IWUSR) == 0;
    while (done && !text.empty()) {
        const auto put = ::write(file.get(), text.data(), text.size());
        if (put < 0 && errno == EINTR) continue;
        done = put > 0;
        if (done) text.remove_prefix(static_cast<std::size_t>(put));
    }
    if (!done)
        throw std::runtime_error{"fwknopd: cannot write the keys to '" + path +
                                 "': " + std::generic_category().message(errno)};
}

} // namespace

int generate_keys(const options& given) {
    const auto digest = digest_of(given.hmac_digest_type);
    const auto material = key_material::generate(
        size_of(given.key_len, "--key-len", default_encryption_key_size, max_encryption_key_size),
        size_of(given.hmac_key_len, "--hmac-key-len", default_hmac_key_size(digest),
                max_hmac_key_size));
    if (!material) throw std::runtime_error{"fwknopd: " + material.error().message()};
    const auto lines = material->lines();
    if (given.key_gen_file) {
        write_private(*given.key_gen_file, lines.text());
        std::cout << "[+] Wrote Rijndael and HMAC keys to: " << *given.key_gen_file << '\n';
    } else {
        std::cout << lines.text() << std::flush;
    }
    return EXIT_SUCCESS;
}

} // namespace fwknop::daemon
