// SPDX-License-Identifier: Apache-2.0
// Runs inside the calls that it watches, malloc among them: no allocation, no exception, and errno
// as it was.
#include "boundary.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace fault {

namespace {

board* shared = nullptr;

struct span_of_code {
    std::uintptr_t begin;
    std::uintptr_t end;
};
span_of_code program{};

// The first that is told is the program.
int find_program(dl_phdr_info* info, std::size_t /*size*/, void* /*unused*/) noexcept {
    for (int i = 0; i < info->dlpi_phnum; ++i) {
        const auto& part = info->dlpi_phdr[i];
        if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0) continue;
        program.begin = info->dlpi_addr + part.p_vaddr;
        program.end = program.begin + part.p_memsz;
    }
    return 1;
}

// By the system call itself: the functions are ours in here.
template <typename... Arguments>
long system_call(long number, Arguments... arguments) noexcept {
    const int before = errno;
    const long result = ::syscall(number, arguments...);
    errno = before;
    return result;
}

[[noreturn]] void give_up(const char* what) noexcept {
    static_cast<void>(system_call(SYS_write, STDERR_FILENO, what, std::strlen(what)));
    ::_exit(98); // which no test expects
}

// A test that asks for faults must not run without them.
[[gnu::constructor]] void open_board() {
    const char* const path = std::getenv("FWKNOP_FAULT_FILE");
    if (path == nullptr) return;
    const long descriptor = system_call(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    if (descriptor < 0) give_up("fault: cannot open FWKNOP_FAULT_FILE\n");
    const long address = system_call(SYS_mmap, nullptr, sizeof(board), PROT_READ | PROT_WRITE,
                                     MAP_SHARED, descriptor, 0L);
    static_cast<void>(system_call(SYS_close, descriptor));
    if (address == -1) give_up("fault: cannot map FWKNOP_FAULT_FILE\n");
    auto* const found = reinterpret_cast<board*>(address);
    if (found->magic != magic) give_up("fault: FWKNOP_FAULT_FILE is of another layout\n");
    ::dl_iterate_phdr(find_program, nullptr);
    shared = found;
}

template <std::size_t Size>
std::string_view text_of(const char (&text)[Size]) noexcept {
    return {text, ::strnlen(text, Size)};
}

template <std::size_t Size>
void put(char (&to)[Size], std::string_view text) noexcept {
    const std::size_t size = std::min(text.size(), Size - 1);
    std::memcpy(to, text.data(), size);
    to[size] = '\0';
}

void record(std::string_view function, std::string_view place) noexcept {
    place = place.substr(0, place_size - 1);
    while (shared->lock.exchange(1, std::memory_order_acquire) != 0) {
    }
    const std::uint32_t used = shared->used.load(std::memory_order_relaxed);
    std::uint32_t i = 0;
    while (i < used && (text_of(shared->calls[i].function) != function ||
                        text_of(shared->calls[i].place) != place))
        ++i;
    if (i == used && used < max_calls) {
        put(shared->calls[i].function, function);
        put(shared->calls[i].place, place);
        shared->used.store(used + 1, std::memory_order_relaxed);
    }
    if (i < max_calls) shared->calls[i].count.fetch_add(1, std::memory_order_relaxed);
    shared->lock.store(0, std::memory_order_release);
}

} // namespace

int verdict(std::string_view function, std::string_view place) noexcept {
    if (shared == nullptr) return 0;
    if (shared->recording.load(std::memory_order_relaxed) != 0) record(function, place);
    for (rule& each : shared->rules) {
        if (each.active.load(std::memory_order_acquire) == 0) continue;
        if (text_of(each.function) != function) continue;
        const auto wanted = text_of(each.place);
        if (!wanted.empty() && wanted != place) continue;
        const std::uint32_t number = each.seen.fetch_add(1, std::memory_order_relaxed);
        if (number < each.skip || number - each.skip >= each.times) continue;
        each.struck.fetch_add(1, std::memory_order_relaxed);
        return each.error;
    }
    return 0;
}

bool interested() noexcept {
    if (shared == nullptr) return false;
    if (shared->recording.load(std::memory_order_relaxed) != 0) return true;
    return std::ranges::any_of(shared->rules, [](const rule& each) {
        return each.active.load(std::memory_order_relaxed) != 0;
    });
}

std::string_view last_part(const char* path) noexcept {
    const std::string_view whole{path == nullptr ? "" : path};
    const auto slash = whole.rfind('/');
    return slash == std::string_view::npos ? whole : whole.substr(slash + 1);
}

std::string_view socket_place(int family, int type, int protocol) noexcept {
    thread_local std::array<char, 48> text;
    const int bare = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
    const int size =
        std::snprintf(text.data(), text.size(), "socket:%d:%d:%d", family, bare, protocol);
    return {text.data(), static_cast<std::size_t>(size)};
}

std::string_view place_of(int descriptor) noexcept {
    if (!interested()) return {};
    thread_local std::array<char, 512> target;
    std::array<char, 32> link{};
    std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", descriptor);
    const long size =
        system_call(SYS_readlinkat, AT_FDCWD, link.data(), target.data(), target.size() - 1);
    if (size <= 0) return "closed";
    target[static_cast<std::size_t>(size)] = '\0';
    const std::string_view whole{target.data(), static_cast<std::size_t>(size)};
    if (whole.starts_with("pipe:")) return "pipe";
    if (!whole.starts_with("socket:")) return last_part(target.data());
    int family = 0;
    int type = 0;
    int protocol = 0;
    for (const auto& [name, value] : {std::pair{SO_DOMAIN, &family}, std::pair{SO_TYPE, &type},
                                      std::pair{SO_PROTOCOL, &protocol}}) {
        socklen_t length = sizeof(int);
        static_cast<void>(
            system_call(SYS_getsockopt, descriptor, SOL_SOCKET, name, value, &length));
    }
    return socket_place(family, type, protocol);
}

std::string_view owner_of(const void* address) noexcept {
    const auto where = reinterpret_cast<std::uintptr_t>(address);
    return where >= program.begin && where < program.end ? "program" : "library";
}

std::time_t clock_step() noexcept {
    return shared == nullptr
               ? 0
               : static_cast<std::time_t>(shared->clock_step.load(std::memory_order_relaxed));
}

} // namespace fault
