// SPDX-License-Identifier: Apache-2.0
#include "daemon/control.hpp"

#include "daemon/firewall_setup.hpp"
#include "daemon/run_lock.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

namespace fwknop::daemon {

namespace asio = boost::asio;

namespace {

/// A clean stop takes at most ten seconds.
constexpr std::chrono::seconds stop_limit{11};
constexpr std::chrono::milliseconds poll_interval{20};

std::optional<pid_t> find_running(const std::string& pid_file) {
    const auto pid = run_lock::holder(pid_file);
    if (!pid) std::cerr << "No running fwknopd detected.\n";
    return pid;
}

// The daemon's own account wrote the file, and may have been taken over: as root we signal what
// that account may signal, and nothing else.
int signal_as_owner(const std::string& pid_file, pid_t pid, int number) {
    struct stat status {};
    const bool judged = ::geteuid() == 0 && ::lstat(pid_file.c_str(), &status) == 0 &&
                        status.st_uid != 0 && ::seteuid(status.st_uid) == 0;
    const int result = ::kill(pid, number);
    const int error = errno;
    if (judged && ::seteuid(0) != 0) throw std::runtime_error{"[*] Cannot be root again"};
    errno = error;
    return result;
}

bool send_signal(const std::string& pid_file, pid_t pid, int number) {
    if (signal_as_owner(pid_file, pid, number) == 0) return true;
    std::cerr << "Cannot signal fwknopd (pid=" << pid
              << "): " << std::generic_category().message(errno) << "\n";
    return false;
}

bool ends_in_time(const std::string& pid_file, pid_t pid) {
    const auto deadline = std::chrono::steady_clock::now() + stop_limit;
    while (std::chrono::steady_clock::now() < deadline) {
        if (run_lock::holder(pid_file) != pid) return true;
        std::this_thread::sleep_for(poll_interval);
    }
    return false;
}

// Runs one operation of a backend to its end.
template <class T>
T run_to_end(asio::awaitable<T> operation) {
    asio::io_context context{1};
    auto outcome = asio::co_spawn(context, std::move(operation), asio::use_future);
    context.run();
    return outcome.get();
}

} // namespace

int print_status(const std::string& pid_file) {
    const auto pid = run_lock::holder(pid_file);
    if (!pid) {
        std::cout << "No running fwknopd detected.\n";
        return 1;
    }
    std::cout << "Detected fwknopd is running (pid=" << *pid << ").\n";
    return 0;
}

int kill_running(const std::string& pid_file) {
    const auto pid = find_running(pid_file);
    if (!pid || !send_signal(pid_file, *pid, SIGTERM)) return 1;
    if (ends_in_time(pid_file, *pid)) {
        std::cout << "Killed fwknopd (pid=" << *pid << ") via SIGTERM\n";
        return 0;
    }
    if (!send_signal(pid_file, *pid, SIGKILL)) return 1;
    std::cout << "Killed fwknopd (pid=" << *pid << ") via SIGKILL\n";
    return 0;
}

int restart_running(const std::string& pid_file) {
    const auto pid = find_running(pid_file);
    if (!pid || !send_signal(pid_file, *pid, SIGHUP)) return 1;
    std::cout << "Sent restart signal to fwknopd (pid=" << *pid << ")\n";
    return 0;
}

int confirm_running(const std::string& pid_file) {
    const auto pid = find_running(pid_file);
    if (!pid || !send_signal(pid_file, *pid, SIGUSR2)) return 1;
    std::cout << "Sent confirmation to fwknopd (pid=" << *pid
              << "): its log says what comes of it\n";
    return 0;
}

int list_rules(const server_config& config, bool everything) {
    const auto filter = make_backend(choose_backend(config).kind, config, true);
    const std::string name{filter->name()};
    std::cout << (everything ? "Listing all " + name + " rules in applicable tables...\n"
                             : "Listing rules in fwknopd " + name + " chains...\n")
              << std::endl;
    const auto listed = run_to_end(filter->list(everything));
    if (!listed.ok()) {
        std::cerr << "[*] " << listed.error << "\n";
        return 1;
    }
    std::cout << listed.text;
    return 0;
}

int flush_rules(const server_config& config) {
    const auto filter = make_backend(choose_backend(config).kind, config, true);
    std::cout << "Deleting any existing firewall rules..." << std::endl;
    const auto flushed = run_to_end(filter->flush());
    if (!flushed.ok()) {
        std::cerr << "[*] " << flushed.error << "\n";
        return 1;
    }
    return 0;
}

} // namespace fwknop::daemon
