// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gpg/engine.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace fwknop::test {

/// A GnuPG home of its own, whose agent remembers no pass phrase and ends with it. Short paths:
/// the agent's socket is in it.
class gpg_home {
  public:
    gpg_home();
    gpg_home(const gpg_home&) = delete;
    gpg_home& operator=(const gpg_home&) = delete;
    ~gpg_home();

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] gpg::engine engine() const { return {"/usr/bin/gpg", path_}; }

    /// Runs gpg in this home with shell words; fails the test if gpg fails. Gives its output.
    std::string gpg(const std::string& words) const;

    /// A new primary key that signs, without more parts. Gives its fingerprint.
    std::string make_key(const std::string& mail, const std::string& algorithm,
                         const std::string& pass_phrase = "") const;
    /// Another part of the key `fingerprint`: usage "encrypt", "sign". Gives its fingerprint.
    std::string add_part(const std::string& fingerprint, const std::string& algorithm,
                         const std::string& usage, const std::string& pass_phrase = "") const;
    /// Both at once: a key that signs and encrypts on curve 25519.
    std::string make_pair(const std::string& mail, const std::string& pass_phrase = "") const;

    /// Copies the public key called `name` into `to`.
    void give_public(const std::string& name, const gpg_home& to) const;

    /// Ends the agent.
    void stop_agent() const;

    /// Adds a line to a configuration file of this home.
    void configure(const std::string& file, std::string_view line) const;

  private:
    std::string path_;
};

} // namespace fwknop::test
