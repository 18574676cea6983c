// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/gatekeeper.hpp"
#include "core/spa/http_carrier.hpp"
#include "daemon/configuration.hpp"

#include <optional>

namespace fwknop::daemon {

/// A capture file is old by nature: its packets' age is checked only when that is asked for.
[[nodiscard]] bool checks_age(const server_config& server);

/// One configuration in force, and what judges packets by it. It never changes: reading the files
/// again makes another one. Held by shared pointers, so that what takes its time (a decryption by
/// GnuPG) may finish by the rules it began with.
class rulebook {
  public:
    explicit rulebook(configuration loaded);
    rulebook(const rulebook&) = delete;
    rulebook& operator=(const rulebook&) = delete;
    ~rulebook() = default;

    [[nodiscard]] const server_config& server() const noexcept { return config_.server; }
    [[nodiscard]] const std::vector<stanza>& stanzas() const noexcept { return config_.stanzas; }
    [[nodiscard]] const gatekeeper& gate() const noexcept { return gate_; }

    /// How HTTP requests are unwrapped; none: not at all.
    [[nodiscard]] const std::optional<http_rules>& http() const noexcept { return http_; }

  private:
    configuration config_;
    gatekeeper gate_;
    std::optional<http_rules> http_;
};

} // namespace fwknop::daemon
