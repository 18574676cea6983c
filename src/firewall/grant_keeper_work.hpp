// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/grant_keeper.hpp"

#include <cstddef>
#include <optional>
#include <vector>

// What the keeper does in one operation of its backend. Private to the keeper.

namespace fwknop {

/// What one request came to in a batch.
struct request_share {
    open_request request;
    std::vector<service> added;
    std::vector<service> extended;
    std::vector<std::size_t> changes; ///< indexes into the batch, those it shares included
    unix_time expires{};
};

/// One batch, and what is needed to tell what became of it.
struct grant_keeper::work {
    change_batch batch;
    // Opens: who asked, and what to put back if a change fails.
    std::vector<request_share> requests;
    std::vector<std::optional<grant>> before; ///< for each change
    // Closes.
    bool closes = false;
    bool retry = false;               ///< of closes that failed before
    std::vector<late_close> removals; ///< for each change
};

} // namespace fwknop
