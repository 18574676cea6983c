// SPDX-License-Identifier: Apache-2.0
//
// Between fork and exec only functions that are safe in a signal handler are called: nothing
// allocates, and everything that is needed is made ready before.

#include "firewall/spawn_as.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Why not Boost.Process v2: in 1.81 its child side walks /dev/fd with opendir between fork and
// exec, which allocates and is not safe there; its fork copies the daemon's page tables for every
// rule; and it has no process groups. posix_spawn (vfork inside) has all we need in glibc 2.34.

namespace fwknop {

namespace {

constexpr int status_descriptor = 3;

// Each of them can be out of memory, and a child without one of them writes to the wrong place.
struct spawn_settings {
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};
    int error = 0; ///< the first

    spawn_settings(int input, int output, int errors) {
        sigset_t none;
        sigset_t all;
        sigemptyset(&none);
        sigfillset(&all);
        for (const int result :
             {::posix_spawn_file_actions_init(&actions),
              ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO),
              ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO),
              ::posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO),
              ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1),
              ::posix_spawn_file_actions_addchdir_np(&actions, "/"),
              ::posix_spawnattr_init(&attributes), ::posix_spawnattr_setsigmask(&attributes, &none),
              ::posix_spawnattr_setsigdefault(&attributes, &all),
              ::posix_spawnattr_setpgroup(&attributes, 0),
              ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK |
                                                          POSIX_SPAWN_SETSIGDEF |
                                                          POSIX_SPAWN_SETPGROUP)})
            if (error == 0) error = result;
    }
    spawn_settings(const spawn_settings&) = delete;
    spawn_settings& operator=(const spawn_settings&) = delete;
    ~spawn_settings() {
        ::posix_spawnattr_destroy(&attributes);
        ::posix_spawn_file_actions_destroy(&actions);
    }
};

[[nodiscard]] std::vector<gid_t> all_groups(const child_identity& who) {
    std::vector<gid_t> groups = who.groups;
    groups.push_back(who.group);
    std::ranges::sort(groups);
    groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
    return groups;
}

[[nodiscard]] bool is_ours(const child_identity& who) {
    if (::geteuid() != ::getuid() || ::getegid() != ::getgid()) return false;
    child_identity ours{::geteuid(), ::getegid(), {}};
    const int count = ::getgroups(0, nullptr);
    if (count < 0) return false;
    ours.groups.resize(static_cast<std::size_t>(count));
    return ::getgroups(count, ours.groups.data()) == count && same_account(who, ours);
}

// What our own programs get from us although they are not root's is not for commands, whoever runs
// them. (A kernel that knows no such capabilities has none to hand down; inheritable ones alone are
// worth something for a file only that was marked for them, and a service manager may not let us
// touch them.)
void keep_our_powers() {
    static_cast<void>(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
    __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
    if (::syscall(SYS_capget, &head, sets.data()) != 0) return;
    for (auto& each : sets) each.inheritable = 0;
    static_cast<void>(::syscall(SYS_capset, &head, sets.data()));
}

[[nodiscard]] bool become(const child_identity& who) {
    return ::setgroups(who.groups.size(), who.groups.data()) == 0 &&
           ::setresgid(who.group, who.group, who.group) == 0 &&
           ::setresuid(who.user, who.user, who.user) == 0;
}

// Whoever keeps the time of it may be killed. To be set by whom we have become, for the kernel
// forgets it with a change of account. posix_spawn cannot.
[[nodiscard]] bool ends_with(pid_t parent) {
    return ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && ::getppid() == parent;
}

[[nodiscard]] bool arrange_descriptors(const child_start& what, int status) {
    if (::dup2(what.input, STDIN_FILENO) < 0 || ::dup2(what.output, STDOUT_FILENO) < 0 ||
        ::dup2(what.errors, STDERR_FILENO) < 0) {
        return false;
    }
    // Open until exec: its closing is how the parent learns of success.
    if (status != status_descriptor && ::dup3(status, status_descriptor, O_CLOEXEC) < 0) {
        return false;
    }
    return ::close_range(status_descriptor + 1, ~0U, 0) == 0;
}

[[noreturn]] void begin(const child_identity& who, bool change, const child_start& what, int status,
                        pid_t parent) {
    for (int number = 1; number < NSIG; ++number) {
        // Before any is let in: handlers of ours write into our loop.
        static_cast<void>(::signal(number, SIG_DFL));
    }
    keep_our_powers();
    if (arrange_descriptors(what, status)) {
        status = status_descriptor;
        sigset_t none;
        sigemptyset(&none);
        if (::setpgid(0, 0) == 0 && ::chdir("/") == 0 && (!change || become(who)) &&
            ends_with(parent) && ::sigprocmask(SIG_SETMASK, &none, nullptr) == 0) {
            ::execve(what.path, what.arguments, what.environment);
        }
    }
    const int error = errno;
    // When even this fails the parent sees a child that ends with 127.
    [[maybe_unused]] const ssize_t told = ::write(status, &error, sizeof error);
    ::_exit(127);
}

} // namespace

bool same_account(const child_identity& one, const child_identity& other) {
    return one.user == other.user && one.group == other.group &&
           all_groups(one) == all_groups(other);
}

int spawn(const child_start& what, pid_t& pid) {
    const spawn_settings settings{what.input, what.output, what.errors};
    if (settings.error != 0) return settings.error;
    return ::posix_spawn(&pid, what.path, &settings.actions, &settings.attributes, what.arguments,
                         what.environment);
}

int spawn_as(const child_identity& who, const child_start& what, pid_t& pid) {
    const bool change = !is_ours(who);
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return errno;

    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) begin(who, change, what, ends[1], parent);
    int error = child < 0 ? errno : 0;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::close(ends[1]);

    if (error == 0) {
        ssize_t size = 0;
        do {
            size = ::read(ends[0], &error, sizeof error);
        } while (size < 0 && errno == EINTR);
        if (size != sizeof error) error = 0;
        if (error == 0) {
            pid = child;
        } else {
            while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
            }
        }
    }
    ::close(ends[0]);
    return error;
}

} // namespace fwknop
