// SPDX-License-Identifier: Apache-2.0
#include "daemon/privileges.hpp"
#include "daemon/sandbox.hpp"
#include "forked.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace fwknop::daemon;

namespace {

constexpr int killed = -1;
constexpr int refused = 1;
constexpr int let = 0;

// What becomes of a process that does this in the sandbox: `killed`, `refused` or `let`.
int fate(const std::function<bool()>& call) {
    test::forked child{[&](const auto&) {
        forbid_new_privileges();
        enter_sandbox();
        errno = 0;
        if (call()) return let;
        return errno == ENOSYS ? refused : 2;
    }};
    return child.wait();
}

// With arguments that are good for nothing: the filter looks at numbers only.
int fate_of(const std::string& name) {
    const int number = ::seccomp_syscall_resolve_name(name.c_str());
    CAPTURE(name);
    if (number < 0) return killed; // no such call here
    return fate([number] {
        errno = 0;
        ::syscall(number, -1, nullptr, nullptr, nullptr, nullptr, nullptr);
        return errno != ENOSYS;
    });
}

} // namespace

TEST_CASE("who executes a program or changes who he is in the sandbox is ended") {
    CHECK(fatal_calls().size() > 50);
    for (const std::string_view name : fatal_calls()) {
        CAPTURE(name);
        CHECK(fate_of(std::string{name}) == killed);
    }
#ifndef __SANITIZE_ADDRESS__
    CHECK(fate([] { return ::fork() >= 0; }) == killed);
    CHECK(fate([] { return ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0) >= 0; }) ==
          killed);
#endif
    CHECK(fate([] { return ::execl("/bin/true", "true", nullptr) == 0; }) == killed);
}

TEST_CASE("what the daemon has no use for is refused in the sandbox") {
    for (const std::string name :
         {"mkdir", "link", "symlink", "chmod", "chown", "truncate", "mbind", "msgget", "shmat",
          "clone3", "inotify_init1", "prctl_nonsense", "setsid", "sendfile", "vmsplice"}) {
        if (::seccomp_syscall_resolve_name(name.c_str()) < 0) continue;
        CAPTURE(name);
        CHECK(fate_of(name) == refused);
    }
    for (const int family : {AF_BLUETOOTH, AF_ALG, AF_VSOCK, AF_KEY, AF_CAN, -1}) {
        CAPTURE(family);
        CHECK(fate([family] { return ::socket(family, SOCK_DGRAM, 0) >= 0; }) == refused);
    }
    CHECK(fate([] {
              int ends[2];
              return ::socketpair(AF_INET, SOCK_STREAM, 0, ends) == 0;
          }) == refused);
    char key = 'x';
    CHECK(fate([&] { return ::ioctl(0, TIOCSTI, &key) == 0; }) == refused);
    int parent = ::getpid();
    for (const auto request : {FIOSETOWN, SIOCSPGRP, FIOGETOWN})
        CHECK(fate([&] {
                  return ::ioctl(::socket(AF_UNIX, SOCK_DGRAM, 0), request, &parent) == 0;
              }) == refused);
    for (const int command : {F_SETOWN, F_SETOWN_EX, F_SETSIG, F_SETLEASE, F_NOTIFY, F_ADD_SEALS})
        CHECK(fate([&] { return ::fcntl(0, command, parent) == 0; }) == refused);
    CHECK(fate([] { return ::memfd_create("x", MFD_ALLOW_SEALING) >= 0; }) == refused);
#ifndef __SANITIZE_ADDRESS__
    CHECK(fate([] {
              return ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
          }) == refused);
    CHECK(fate([] {
              void* const page =
                  ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
              return page == MAP_FAILED || ::mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0;
          }) == refused);
    CHECK(fate([] { return ::kill(::getppid(), 0) == 0; }) == refused);
    CHECK(fate([] { return ::syscall(SYS_tgkill, ::getppid(), ::getppid(), 0) == 0; }) == refused);
    CHECK(fate([] { return ::prctl(PR_SET_DUMPABLE, 1) == 0; }) == refused);
    CHECK(fate([] {
              const rlimit limit{};
              return ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
          }) == refused);
#endif
}

TEST_CASE("what the daemon lives by works in the sandbox") {
    for (const std::string_view name : allowed_calls()) {
        // These end or stop whoever calls them.
        if (name == "exit" || name == "exit_group" || name == "rt_sigreturn" ||
            name == "restart_syscall" || name == "ptrace")
            continue;
        const int number = ::seccomp_syscall_resolve_name(std::string{name}.c_str());
        CAPTURE(name);
        CHECK(number != __NR_SCMP_ERROR); // a slip of the pen would be passed over
    }
    for (const int family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}) {
        CAPTURE(family);
        CHECK(fate([family] { return ::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0; }) ==
              let);
    }
    CHECK(fate([] {
              int ends[2];
              return ::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0;
          }) == let);
    CHECK(fate([] { return ::memfd_create("x", MFD_CLOEXEC) >= 0; }) == let);
    CHECK(fate([] {
              const int copy = ::fcntl(0, F_DUPFD_CLOEXEC, 3);
              return copy >= 3 && ::fcntl(copy, F_SETFL, ::fcntl(copy, F_GETFL) | O_NONBLOCK) == 0;
          }) == let);
    CHECK(fate([] {
              ifreq asked{};
              std::strcpy(asked.ifr_name, "lo");
              const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
              return ::ioctl(socket, SIOCGIFFLAGS, &asked) == 0 &&
                     ::ioctl(socket, SIOCGIFINDEX, &asked) == 0;
          }) == let);
    CHECK(fate([] {
              return ::epoll_create1(0) >= 0 && ::timerfd_create(CLOCK_MONOTONIC, 0) >= 0;
          }) == let);
    CHECK(fate([] { return ::open("/etc/passwd", O_RDONLY) >= 0; }) == let);
    CHECK(fate([] {
              rlimit limit{};
              return ::getrlimit(RLIMIT_NOFILE, &limit) == 0;
          }) == let);
    CHECK(fate([] {
              std::vector<char> much(std::size_t{64} << 20U, 'x'); // mapped, not from the heap
              return much.back() == 'x';
          }) == let);
    CHECK(fate([] {
              bool ran = false;
              std::thread{[&ran] { ran = true; }}.join();
              return ran;
          }) == let);
    CHECK(fate([]() -> bool {
              static_cast<void>(std::signal(SIGABRT, SIG_DFL));
              std::abort(); // by its own signal, which must work
          }) == killed);
}

TEST_CASE("no filter is taken from who may still gain privileges") {
    test::forked child{[](const auto&) {
        if (::geteuid() == 0) keep_only({}); // root may do without
        try {
            enter_sandbox();
        } catch (const std::exception& error) {
            return std::string{error.what()}.find("SANDBOX N") != std::string::npos ? 0 : 2;
        }
        return 1;
    }};
    CHECK(child.wait() == 0);
}

TEST_CASE("the filter is loaded where a service manager forbids seccomp(2)") {
    test::forked child{[](const auto&) {
        forbid_new_privileges();
        // Not made by the library, which remembers what it has found out about the kernel.
        std::array outer{sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                         sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 1, 0),
                         sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_capset, 0, 1),
                         sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                         sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
        const sock_fprog program{static_cast<unsigned short>(outer.size()), outer.data()};
        if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return 2;
        enter_sandbox();
        return ::syscall(SYS_mkdir, "", 0) == -1 && errno == ENOSYS ? 0 : 1;
    }};
    CHECK(child.wait() == 0);
}
