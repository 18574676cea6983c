// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/algorithm.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The library of the 2.6 line (Debian's libfko3), asked about a packet.

namespace fwknop::fuzz {

/// How a packet is to be opened, by either side.
struct opening {
    std::string_view pass_phrase;
    encryption_mode mode = encryption_mode::cbc;
    std::string_view hmac_key = {};         ///< empty: without an HMAC
    digest_type hmac = digest_type::sha256; ///< of no meaning without a key
};

/// What a packet says, as far as both sides can tell.
struct told {
    std::string random_value;
    std::string user;
    std::int64_t time = 0;
    std::string version;
    int type = -1;
    std::string text;
    std::string nat_access;  ///< empty: none
    std::string server_auth; ///< empty: none
    std::int64_t client_timeout = 0;
    int digest = 0;
    std::string digest_text;

    friend bool operator==(const told&, const told&) = default;
};

/// One line for people.
[[nodiscard]] std::string to_string(const told& what);

struct incumbent_verdict {
    int error = 0; ///< one of fko.h; 0: accepted
    told what;     ///< if it was
};

/// What the library's functions make of `payload`, as the daemon of the 2.6 line calls them. None
/// where it takes it for a message of GnuPG, which takes a key ring to judge.
[[nodiscard]] std::optional<incumbent_verdict> ask_incumbent(std::string_view payload,
                                                             const opening& how);

/// The library's words for one of its errors.
[[nodiscard]] const char* incumbent_words(int error);

} // namespace fwknop::fuzz
