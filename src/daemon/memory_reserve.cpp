// SPDX-License-Identifier: Apache-2.0
#include "daemon/memory_reserve.hpp"

#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <string_view>

#include <unistd.h>

namespace fwknop::daemon {

namespace {

/// Several times what closing ten thousand grants takes. It is not touched, so that it costs
/// address space and no memory; and large enough that it goes back to the system when it is freed.
constexpr std::size_t reserve_size = std::size_t{4} << 20U;

std::atomic<void*> reserve{nullptr};
std::atomic<bool> used{false};
std::atomic<bool> handled{false}; ///< somebody waits for SIGTERM

// Without memory there is no log but this.
[[noreturn]] void end_at_once() noexcept {
    constexpr std::string_view line{
        "[*] Out of memory, and no reserve is left. Ending without cleaning up: rules may be left "
        "until fwknopd is started again or --fw-flush is used\n"};
    static_cast<void>(!::write(STDERR_FILENO, line.data(), line.size()));
    ::_exit(1);
}

// Called by `operator new` in any thread; when it returns the allocation is tried again.
void use_reserve() {
    void* const held = reserve.exchange(nullptr);
    if (held == nullptr) end_at_once();
    std::free(held);
    used.store(true);
    // The main thread; the sandbox knows no kill(2).
    if (handled.load()) ::tgkill(::getpid(), ::getpid(), SIGTERM);
}

} // namespace

memory_reserve::memory_reserve() {
    void* const held = std::malloc(reserve_size);
    if (held == nullptr) throw std::bad_alloc{};
    std::free(reserve.exchange(held));
    used.store(false);
    handled.store(true);
    std::set_new_handler(use_reserve);
}

memory_reserve::~memory_reserve() {
    handled.store(false);
}

bool memory_reserve::is_used() noexcept {
    return used.load();
}

} // namespace fwknop::daemon
