// SPDX-License-Identifier: Apache-2.0
// The calls by which a program meets the system, in front of the C library's: each does what it is
// called for unless a rule of the test says that it fails. Loaded with LD_PRELOAD; never installed.
#include "boundary.hpp"

#include <cerrno>
#include <cstdarg>
#include <cstddef>

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>

// The C library's own, whose declarations say more about their arguments than ours may.
// NOLINTBEGIN
#define NEXT(name)                                                                                 \
    static const auto next = reinterpret_cast<decltype(&::name)>(::dlsym(RTLD_NEXT, #name))

#define FAIL(name, place, failed)                                                                  \
    if (const int error = fault::verdict(#name, place)) {                                          \
        errno = error;                                                                             \
        return failed;                                                                             \
    }

// A call with a fixed list of parameters, at a place, that says -1 when it fails.
#define BOUNDARY(type, name, place, parameters, arguments)                                         \
    extern "C" type name parameters {                                                              \
        NEXT(name);                                                                                \
        FAIL(name, place, static_cast<type>(-1))                                                   \
        return next arguments;                                                                     \
    }

using fault::last_part;
using fault::place_of;
using fault::socket_place;

// Files.
BOUNDARY(ssize_t, read, place_of(fd), (int fd, void* to, size_t size), (fd, to, size))
BOUNDARY(ssize_t, pread, place_of(fd), (int fd, void* to, size_t size, off_t at),
         (fd, to, size, at))
BOUNDARY(ssize_t, pread64, place_of(fd), (int fd, void* to, size_t size, off64_t at),
         (fd, to, size, at))
BOUNDARY(int, fsync, place_of(fd), (int fd), (fd))
BOUNDARY(int, fdatasync, place_of(fd), (int fd), (fd))
BOUNDARY(int, ftruncate, place_of(fd), (int fd, off_t size) noexcept, (fd, size))
BOUNDARY(int, ftruncate64, place_of(fd), (int fd, off64_t size) noexcept, (fd, size))
BOUNDARY(int, fstat, place_of(fd), (int fd, struct stat* to) noexcept, (fd, to))
BOUNDARY(int, fstat64, place_of(fd), (int fd, struct stat64* to) noexcept, (fd, to))
BOUNDARY(off_t, lseek, place_of(fd), (int fd, off_t to, int how) noexcept, (fd, to, how))
BOUNDARY(int, rename, last_part(from), (const char* from, const char* to) noexcept, (from, to))
BOUNDARY(int, unlink, last_part(path), (const char* path) noexcept, (path))
BOUNDARY(int, mkdir, last_part(path), (const char* path, mode_t mode) noexcept, (path, mode))

extern "C" ssize_t write(int fd, const void* from, size_t size) {
    NEXT(write);
    const int error = fault::verdict("write", place_of(fd));
    if (error == fault::half) return next(fd, from, size / 2);
    if (error == 0) return next(fd, from, size);
    errno = error;
    return -1;
}

#define OPENING(name)                                                                              \
    extern "C" int name(const char* path, int flags, ...) {                                        \
        NEXT(name);                                                                                \
        va_list more;                                                                              \
        va_start(more, flags);                                                                     \
        const mode_t mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;     \
        va_end(more);                                                                              \
        FAIL(open, last_part(path), -1)                                                            \
        return next(path, flags, mode);                                                            \
    }
OPENING(open)
OPENING(open64)

// Sockets.
BOUNDARY(int, socket, socket_place(family, type, protocol),
         (int family, int type, int protocol) noexcept, (family, type, protocol))
BOUNDARY(int, bind, place_of(fd), (int fd, const sockaddr* to, socklen_t size) noexcept,
         (fd, to, size))
BOUNDARY(int, listen, place_of(fd), (int fd, int backlog) noexcept, (fd, backlog))
BOUNDARY(int, accept, place_of(fd), (int fd, sockaddr* from, socklen_t* size), (fd, from, size))
BOUNDARY(int, accept4, place_of(fd), (int fd, sockaddr* from, socklen_t* size, int flags),
         (fd, from, size, flags))
BOUNDARY(int, setsockopt, place_of(fd),
         (int fd, int level, int name, const void* value, socklen_t size) noexcept,
         (fd, level, name, value, size))
BOUNDARY(int, getsockname, place_of(fd), (int fd, sockaddr* to, socklen_t* size) noexcept,
         (fd, to, size))
BOUNDARY(ssize_t, send, place_of(fd), (int fd, const void* from, size_t size, int flags),
         (fd, from, size, flags))
BOUNDARY(ssize_t, sendto, place_of(fd),
         (int fd, const void* from, size_t size, int flags, const sockaddr* to, socklen_t length),
         (fd, from, size, flags, to, length))
BOUNDARY(ssize_t, sendmsg, place_of(fd), (int fd, const msghdr* what, int flags), (fd, what, flags))
BOUNDARY(ssize_t, recv, place_of(fd), (int fd, void* to, size_t size, int flags),
         (fd, to, size, flags))
BOUNDARY(ssize_t, recvfrom, place_of(fd),
         (int fd, void* to, size_t size, int flags, sockaddr* from, socklen_t* length),
         (fd, to, size, flags, from, length))
BOUNDARY(ssize_t, recvmsg, place_of(fd), (int fd, msghdr* what, int flags), (fd, what, flags))

// Descriptors, and waiting for them.
BOUNDARY(int, dup, place_of(fd), (int fd) noexcept, (fd))
BOUNDARY(int, pipe, "", (int* ends) noexcept, (ends))
BOUNDARY(int, pipe2, "", (int* ends, int flags) noexcept, (ends, flags))
BOUNDARY(int, memfd_create, name, (const char* name, unsigned flags) noexcept, (name, flags))
BOUNDARY(int, eventfd, "", (unsigned first, int flags) noexcept, (first, flags))
BOUNDARY(int, timerfd_create, "", (clockid_t clock, int flags) noexcept, (clock, flags))
BOUNDARY(int, timerfd_settime, "",
         (int fd, int flags, const itimerspec* to, itimerspec* before) noexcept,
         (fd, flags, to, before))
BOUNDARY(int, epoll_create1, "", (int flags) noexcept, (flags))
BOUNDARY(int, epoll_ctl, place_of(fd), (int epoll, int how, int fd, epoll_event* what) noexcept,
         (epoll, how, fd, what))
BOUNDARY(int, epoll_wait, "", (int epoll, epoll_event* to, int count, int limit),
         (epoll, to, count, limit))
BOUNDARY(int, poll, place_of(count > 0 ? which->fd : -1), (pollfd * which, nfds_t count, int limit),
         (which, count, limit))

extern "C" int fcntl(int fd, int command, ...) {
    NEXT(fcntl);
    va_list more;
    va_start(more, command);
    void* const argument = va_arg(more, void*);
    va_end(more);
    if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) FAIL(fcntl, place_of(fd), -1)
    return next(fd, command, argument);
}

extern "C" int ioctl(int fd, unsigned long request, ...) noexcept {
    NEXT(ioctl);
    va_list more;
    va_start(more, request);
    void* const argument = va_arg(more, void*);
    va_end(more);
    FAIL(ioctl, place_of(fd), -1)
    return next(fd, request, argument);
}

// The C library 2.36 has no function for it that C++ could link.
extern "C" long syscall(long number, ...) noexcept {
    NEXT(syscall);
    va_list more;
    va_start(more, number);
    long arguments[6];
    for (long& each : arguments) each = va_arg(more, long);
    va_end(more);
    if (number == SYS_pidfd_open) FAIL(pidfd_open, "", -1)
    return next(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                arguments[5]);
}

// Processes and threads.
BOUNDARY(pid_t, fork, "", () noexcept, ())
BOUNDARY(int, execve, last_part(path),
         (const char* path, char* const* arguments, char* const* environment) noexcept,
         (path, arguments, environment))

extern "C" int posix_spawn(pid_t* pid, const char* path, const posix_spawn_file_actions_t* actions,
                           const posix_spawnattr_t* attributes, char* const* arguments,
                           char* const* environment) {
    NEXT(posix_spawn);
    if (const int error = fault::verdict("posix_spawn", last_part(path))) return error;
    return next(pid, path, actions, attributes, arguments, environment);
}

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*run)(void*), void* argument) noexcept {
    NEXT(pthread_create);
    if (const int error = fault::verdict("pthread_create", "")) return error;
    return next(thread, attributes, run, argument);
}

// Memory: the C library's own entries, because dlsym may need memory itself.
extern "C" void* mmap(void* address, size_t size, int protection, int flags, int fd,
                      off_t at) noexcept {
    const bool file = fd >= 0 && (flags & MAP_ANONYMOUS) == 0;
    FAIL(mmap, file ? place_of(fd) : "", MAP_FAILED)
    return reinterpret_cast<void*>(::syscall(SYS_mmap, address, size, protection, flags, fd, at));
}

#if !defined(FWKNOP_FAULT_KEEPS_MALLOC) // a sanitizer has its own
extern "C" void* __libc_malloc(size_t);
extern "C" void* __libc_calloc(size_t, size_t);
extern "C" void* __libc_realloc(void*, size_t);
extern "C" void* __libc_memalign(size_t, size_t);

extern "C" void* malloc(size_t size) noexcept {
    FAIL(malloc, fault::owner_of(__builtin_return_address(0)), nullptr)
    return __libc_malloc(size);
}

extern "C" void* calloc(size_t count, size_t size) noexcept {
    FAIL(malloc, fault::owner_of(__builtin_return_address(0)), nullptr)
    return __libc_calloc(count, size);
}

extern "C" void* realloc(void* before, size_t size) noexcept {
    FAIL(malloc, fault::owner_of(__builtin_return_address(0)), nullptr)
    return __libc_realloc(before, size);
}

extern "C" void* aligned_alloc(size_t alignment, size_t size) noexcept {
    FAIL(malloc, fault::owner_of(__builtin_return_address(0)), nullptr)
    return __libc_memalign(alignment, size);
}
#endif

// The system clock. The steady one is not to be set.
extern "C" int clock_gettime(clockid_t clock, timespec* to) noexcept {
    NEXT(clock_gettime);
    const int result = next(clock, to);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        to->tv_sec += fault::clock_step();
    return result;
}

extern "C" time_t time(time_t* to) noexcept {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    if (to != nullptr) *to = now.tv_sec;
    return now.tv_sec;
}

extern "C" int gettimeofday(timeval* __restrict to, void* __restrict) noexcept {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    to->tv_sec = now.tv_sec;
    to->tv_usec = now.tv_nsec / 1000;
    return 0;
}
// NOLINTEND
