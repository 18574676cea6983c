// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace fwknop::daemon {

/// Memory that is held back for the end. Out of memory at any place is a state that nobody has
/// thought of; so the first allocation that fails is served from here, and the process is told by
/// SIGTERM to end in order, with the firewall closed: a service manager starts it afresh. When even
/// this is used up the process ends at once, with a line and status 1.
///
/// One at a time, for as long as SIGTERM is handled; what fails later is served without a word.
/// Only what C++ allocates is looked after: libraries in C say so when they have no memory, and
/// that is an error like any other.
class memory_reserve {
  public:
    /// Throws std::bad_alloc if there is not even so much.
    memory_reserve();
    memory_reserve(const memory_reserve&) = delete;
    memory_reserve& operator=(const memory_reserve&) = delete;
    ~memory_reserve();

    /// Whether it had to be used.
    [[nodiscard]] static bool is_used() noexcept;
};

} // namespace fwknop::daemon
