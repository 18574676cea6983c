// SPDX-License-Identifier: Apache-2.0
//
// The attack: a fault in what reads packets lets somebody run code of his in the daemon, and the
// next thing that he does is to start a shell, or to look for a fault in the kernel among hundreds
// of system calls that the daemon never makes.
//
// The list is derived from what the tests make the daemon do: script/sandbox-calls.

#include "daemon/sandbox.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace fwknop::daemon {

namespace {

constexpr auto allowed = std::to_array<std::string_view>({
    // files: configuration, replay file, pid file, what libpcap and the C library look up
    "access",
    "chdir",
    "close",
    "close_range",
    "dup",
    "dup2",
    "dup3",
    "faccessat",
    "faccessat2",
    "fdatasync",
    "fstat",
    "fstatfs",
    "fsync",
    "ftruncate",
    "getcwd",
    "getdents64",
    "lseek",
    "lstat",
    "newfstatat",
    "open",
    "openat",
    "pipe2",
    "pread64",
    "pwrite64",
    "read",
    "readlink",
    "readlinkat",
    "readv",
    "rename",
    "renameat",
    "renameat2",
    "stat",
    "statfs",
    "statx",
    "unlink",
    "unlinkat",
    "write",
    "writev",
    // memory
    "brk",
    "madvise",
    "mlock",
    "mlock2",
    "mremap",
    "munlock",
    "munmap",
    // waiting, time, signals
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "eventfd2",
    "futex",
    "gettimeofday",
    "nanosleep",
    "poll",
    "ppoll",
    "restart_syscall",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sigaltstack",
    "time",
    "timerfd_create",
    "timerfd_settime",
    // ourselves; the helper's end
    "exit",
    "exit_group",
    "getegid",
    "geteuid",
    "getgid",
    "getgroups",
    "getpid",
    "getppid",
    "getrandom",
    "getresgid",
    "getresuid",
    "getrlimit",
    "gettid",
    "getuid",
    "pidfd_open",
    "rseq",
    "sched_getaffinity",
    "sched_yield",
    "set_robust_list",
    "set_tid_address",
    "sysinfo",
    "uname",
    "wait4",
    "waitid",
    // packets, the packet filter, the log, the helper
    "accept",
    "accept4",
    "bind",
    "connect",
    "getpeername",
    "getsockname",
    "getsockopt",
    "listen",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "setsockopt",
    "shutdown",
#ifdef __SANITIZE_ADDRESS__
    // What looks for leaks at the end stops the process by another one.
    "clone",
    "kill",
    "mmap",
    "mprotect",
    "prctl",
    "prlimit64",
    "process_vm_readv",
    "ptrace",
    "tgkill",
    "tkill",
#endif
});

// No C library calls these by itself on behalf of what we do.
constexpr auto fatal = std::to_array<std::string_view>({
    // programs and processes
    "execve",
    "execveat",
    "fork",
    "vfork",
    "pidfd_getfd",
    "kcmp",
    "process_vm_writev",
    "process_madvise",
    "personality",
    "modify_ldt",
#ifndef __SANITIZE_ADDRESS__
    "ptrace",
    "process_vm_readv",
#endif
    // other accounts and powers
    "setuid",
    "setgid",
    "setreuid",
    "setregid",
    "setresuid",
    "setresgid",
    "setfsuid",
    "setfsgid",
    "setgroups",
    "capset",
    // another view of the system
    "chroot",
    "pivot_root",
    "mount",
    "umount2",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "mount_setattr",
    "setns",
    "unshare",
    "open_by_handle_at",
    "mknod",
    "mknodat",
    // the kernel
    "init_module",
    "finit_module",
    "delete_module",
    "kexec_load",
    "kexec_file_load",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "add_key",
    "request_key",
    "keyctl",
    "reboot",
    "swapon",
    "swapoff",
    "acct",
    "quotactl",
    "iopl",
    "ioperm",
    "clock_settime",
    "settimeofday",
    "adjtimex",
    "clock_adjtime",
    "sethostname",
    "setdomainname",
    "syslog",
});

/// What ends us. An older way of loading a filter knows an end of the thread only: there is one.
std::uint32_t end_of_us() {
    constexpr unsigned level_of_process_ends = 3; // seccomp_api_get(3)
    return ::seccomp_api_get() >= level_of_process_ends ? SCMP_ACT_KILL_PROCESS
                                                        : SCMP_ACT_KILL_THREAD;
}

// libseccomp's own macros for these are C. Nothing here is negative.
scmp_arg_cmp equals(unsigned argument, std::uint64_t value) noexcept {
    return {.arg = argument, .op = SCMP_CMP_EQ, .datum_a = value, .datum_b = 0};
}

scmp_arg_cmp masked_equals(unsigned argument, std::uint64_t mask, std::uint64_t value) noexcept {
    return {.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}

/// A filter under construction.
class filter {
  public:
    filter() : context_{::seccomp_init(SCMP_ACT_ERRNO(ENOSYS))} {
        if (!context_) throw std::runtime_error{"[*] Sandbox: out of memory"};
        check(::seccomp_attr_set(context_.get(), SCMP_FLTATR_ACT_BADARCH, end_of_us()));
        // Where only the older way of loading a filter is open, as under a service manager that
        // forbids seccomp(2), neither is to be had, and one thread needs no others to follow.
        static_cast<void>(::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_TSYNC, 1));
        static_cast<void>(::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_LOG, 1));
        // A tree instead of a chain of comparisons: the calls of each packet cost less.
        check(::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2));
        // no_new_privs is set already, or else this must fail.
        check(::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_NNP, 0));
    }

    // Names that this machine's kernel never had are passed over.
    void add(std::uint32_t action, std::string_view name,
             const std::vector<scmp_arg_cmp>& conditions = {}) {
        const int number = ::seccomp_syscall_resolve_name(std::string{name}.c_str());
        if (number == __NR_SCMP_ERROR) return;
        check(::seccomp_rule_add_array(context_.get(), action, number,
                                       static_cast<unsigned>(conditions.size()),
                                       conditions.data()));
    }
    void allow(std::string_view name, const std::vector<scmp_arg_cmp>& conditions = {}) {
        add(SCMP_ACT_ALLOW, name, conditions);
    }

    void allow_one_of(std::string_view name, unsigned argument,
                      std::initializer_list<std::uint64_t> values) {
        for (const std::uint64_t value : values) allow(name, {equals(argument, value)});
    }

    void load() {
        if (const int error = ::seccomp_load(context_.get()); error != 0)
            throw std::runtime_error{"[*] Sandbox: the kernel does not take the filter of system "
                                     "calls (" +
                                     std::system_category().message(-error) +
                                     "): set SANDBOX N in fwknopd.conf to run without"};
    }

  private:
    static void check(int result) {
        if (result != 0)
            throw std::runtime_error{"[*] Sandbox: cannot make the filter of system calls: " +
                                     std::system_category().message(-result)};
    }

    struct deleter {
        void operator()(void* context) const noexcept { ::seccomp_release(context); }
    };
    std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, deleter> context_;
};

void add_sockets(filter& rules) {
    rules.allow_one_of("socket", 0, {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET});
    rules.allow("socketpair", {equals(0, AF_UNIX)});
}

// Questions about interfaces, and what Asio asks of sockets. Not what types into a terminal.
void add_controls(filter& rules) {
    // SIOC…: linux/sockios.h. Without the first four, by which a socket signals other processes.
    constexpr scmp_datum_t socket_controls = 0x8900;
    for (scmp_datum_t bit = 0x04; bit <= 0x80; bit <<= 1U)
        rules.allow("ioctl", {masked_equals(1, 0xffff'ffff & ~(bit - 1), socket_controls | bit)});
    rules.allow_one_of("ioctl", 1, {FIONBIO, FIONREAD, TCGETS});
}

// Descriptors and locks. Not F_SETOWN, F_SETSIG, F_SETLEASE and F_NOTIFY: signals to whom they
// name.
void add_files(filter& rules) {
    rules.allow_one_of("fcntl", 1,
                       {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK,
                        F_SETLK, F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW});
    rules.allow_one_of("memfd_create", 1, {MFD_CLOEXEC});
}

// No memory is written and run at once, nor written memory made to run: that takes a detour by a
// file. Libraries can still be loaded: a reload may look up users, where the C library does so by
// modules.
[[maybe_unused]] void add_memory(filter& rules) {
    constexpr scmp_datum_t both = PROT_WRITE | PROT_EXEC;
    for (const scmp_datum_t given :
         {scmp_datum_t{0}, scmp_datum_t{PROT_WRITE}, scmp_datum_t{PROT_EXEC}})
        rules.allow("mmap", {masked_equals(2, both, given)});
    rules.allow("mprotect", {masked_equals(2, PROT_EXEC, 0)});
}

[[maybe_unused]] void add_ourselves(filter& rules) {
    // A thread is no process.
    rules.allow("clone", {masked_equals(0, CLONE_THREAD, CLONE_THREAD)});
    rules.add(end_of_us(), "clone", {masked_equals(0, CLONE_THREAD, 0)});
    // abort(), and the end that a shortage of memory asks for.
    rules.allow("tgkill", {equals(0, static_cast<std::uint64_t>(::getpid()))});
    rules.allow("prlimit64", {equals(0, 0), equals(2, 0)});
    rules.allow_one_of("prctl", 0, {PR_SET_NAME, PR_GET_DUMPABLE});
}

} // namespace

std::span<const std::string_view> allowed_calls() noexcept {
    return allowed;
}

std::span<const std::string_view> fatal_calls() noexcept {
    return fatal;
}

void enter_sandbox() {
    // Where numbers are of 32 bits the same things are done by other calls (mmap2, fcntl64,
    // clock_gettime64), which nobody has looked at: refused one by one they would fail in odd ways.
    if constexpr (sizeof(void*) < sizeof(std::uint64_t))
        throw std::runtime_error{
            "[*] Sandbox: its list of system calls is for 64-bit programs only: "
            "set SANDBOX N in fwknopd.conf to run without"};
    filter rules;
    for (const auto& name : allowed) rules.allow(name);
    for (const auto& name : fatal) rules.add(end_of_us(), name);
    add_sockets(rules);
    add_controls(rules);
    add_files(rules);
#ifndef __SANITIZE_ADDRESS__ // there they are allowed altogether
    add_memory(rules);
    add_ourselves(rules);
#endif
    rules.load();
}

} // namespace fwknop::daemon
