// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/stanza.hpp"
#include "gpg/decrypt.hpp"
#include "gpg/outcome.hpp"

#include <fwknop/secret.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace fwknop::daemon {

struct gpg_child_settings {
    /// Ourselves, even after an update has replaced the file.
    std::string program = "/proc/self/exe";
    std::string engine = {}; ///< path of gpg; empty: the one that GPGME was built for
    std::chrono::milliseconds time_limit = std::chrono::seconds{10}; ///< of one decryption
};

/// What a worker needs to know to open one of `messages` as `entry` says; in secret memory, for it
/// holds the pass phrase. Independent of both from then on.
[[nodiscard]] std::shared_ptr<const secret_bytes>
gpg_request(const gpg_settings& entry, std::span<const std::vector<std::uint8_t>> messages);

/// Has a worker (gpg/worker.hpp) do it: gpg runs in a process group of its own, which is killed
/// when the time is over or the coroutine's context ends. Failures: those of `gpg::decrypt`;
/// `internal` with the reason if there was no answer in time, or none at all.
[[nodiscard]] boost::asio::awaitable<gpg::outcome<gpg::decrypted>>
decrypt_in_child(std::shared_ptr<const secret_bytes> request, gpg_child_settings settings);

} // namespace fwknop::daemon
