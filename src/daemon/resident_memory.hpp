// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace fwknop::daemon {

/// Gives back what only a start or a reload needed: the free memory of the heap, and the mapped
/// code, most of which never runs again; what does comes back from the page cache by itself. Costs
/// the next packets some page faults, tens of microseconds in all. Never fails.
void trim_resident_memory() noexcept;

} // namespace fwknop::daemon
