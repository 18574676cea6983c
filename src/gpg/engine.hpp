// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gpg/outcome.hpp"

#include <fwknop/secret.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace fwknop::gpg {

/// Which GnuPG works for us, and where its keys are.
struct engine {
    std::string program; ///< path of gpg; empty: the one that GPGME was built for
    std::string home;    ///< its home directory; empty: $GNUPGHOME, else ~/.gnupg

    /// The same with both members filled in.
    [[nodiscard]] engine resolved() const;
};

/// Whether `from` can work. Initialises GPGME, which lets the process ignore SIGPIPE from then on
/// if nothing else was said about that signal. Failures: `program`, `home`.
[[nodiscard]] outcome<void> check_engine(const engine& from);

/// Where the pass phrase of a secret key comes from. It reaches gpg through a pipe, never through
/// arguments or environment, and gpg hands it to its agent (loopback pinentry).
class pass_phrase {
  public:
    enum class source : std::uint8_t {
        none,  ///< the key has none; nobody is asked
        agent, ///< gpg-agent has it, or asks the user
        given, ///< here it is
    };

    [[nodiscard]] static pass_phrase none() { return pass_phrase{source::none, {}}; }
    [[nodiscard]] static pass_phrase from_agent() { return pass_phrase{source::agent, {}}; }
    [[nodiscard]] static pass_phrase given(secret_bytes text) {
        return pass_phrase{source::given, std::move(text)};
    }

    [[nodiscard]] source where() const noexcept { return where_; }
    [[nodiscard]] const secret_bytes& text() const noexcept { return text_; }

  private:
    pass_phrase(source where, secret_bytes text) : where_{where}, text_{std::move(text)} {}
    source where_;
    secret_bytes text_;
};

} // namespace fwknop::gpg
