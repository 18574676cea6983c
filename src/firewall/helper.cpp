// SPDX-License-Identifier: Apache-2.0
#include "firewall/helper.hpp"

#include "firewall/launch.hpp"
#include "firewall/script_check.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <iostream>
#include <limits>
#include <new>
#include <optional>
#include <span>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

namespace fwknop {

namespace {

using clock = std::chrono::steady_clock;

/// How long an orderly end waits for the helper's.
constexpr int end_limit = 2000; ///< milliseconds

struct child {
    pid_t pid = -1;
    descriptor channel;
    descriptor end; ///< readable when it has ended
    clock::time_point deadline;
    bool channel_open = true;
};

/// One request as it came.
struct arrival {
    std::span<const std::uint8_t> message;
    std::array<descriptor, helper_descriptors> descriptors;
    bool whole = false; ///< nothing was cut off, and there were exactly four descriptors
};

bool is_channel(int file) {
    int domain = 0;
    int type = 0;
    socklen_t size = sizeof domain;
    if (::getsockopt(file, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) return false;
    size = sizeof type;
    if (::getsockopt(file, SOL_SOCKET, SO_TYPE, &type, &size) != 0) return false;
    return domain == AF_UNIX && type == SOCK_SEQPACKET;
}

/// The other end is closed, or has something to say, which can only be that it wants an end.
bool is_over(int channel) {
    char word = 0;
    return ::recv(channel, &word, sizeof word, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

bool is_of_kind(int file, mode_t kind) {
    struct stat status {};
    return ::fstat(file, &status) == 0 && (status.st_mode & S_IFMT) == kind;
}

/// None: there is no more; and `closed`, if there never will be.
std::optional<arrival> receive(int socket, std::span<std::uint8_t> buffer, bool& closed) {
    arrival came;
    iovec part{buffer.data(), buffer.size()};
    // Room for one more than there may be.
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * (helper_descriptors + 1))> control{};
    msghdr head{};
    head.msg_iov = &part;
    head.msg_iovlen = 1;
    head.msg_control = control.data();
    head.msg_controllen = control.size();
    ssize_t size = -1;
    do {
        size = ::recvmsg(socket, &head, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    } while (size < 0 && errno == EINTR);
    if (size < 0) {
        closed = !is_passing(errno);
        return std::nullopt;
    }
    came.message = buffer.first(static_cast<std::size_t>(size));

    std::size_t count = 0;
    for (cmsghdr* each = CMSG_FIRSTHDR(&head); each != nullptr; each = CMSG_NXTHDR(&head, each)) {
        if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t files = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < files; ++i) {
            int file = -1;
            std::memcpy(&file, CMSG_DATA(each) + i * sizeof(int), sizeof file);
            descriptor owned{file}; // also those that are too many get closed
            if (count < came.descriptors.size()) came.descriptors.at(count) = std::move(owned);
            ++count;
        }
    }
    // An empty message looks like the end, but for what comes with it.
    if (size == 0 && count == 0) {
        closed = true;
        return std::nullopt;
    }
    came.whole = (head.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 && count == helper_descriptors;
    return came;
}

// Takes its memory at once: where there is none later, a request fails and nothing else.
class loop {
  public:
    loop(descriptor requests, const helper_rules& rules)
        : requests_{std::move(requests)}, rules_{rules} {
        children_.reserve(max_helper_children);
        watched_.reserve(2 * max_helper_children + 1);
    }

    int run() {
        while (requests_ || !children_.empty()) {
            wait();
            const auto now = clock::now();
            for (child& each : children_) look_after(each, now);
            std::erase_if(children_, [](const child& each) { return each.pid < 0; });
            if (requests_) take_requests();
        }
        return 0;
    }

  private:
    // Sleeps until there is something to do.
    void wait() {
        watched_.clear();
        if (requests_) watched_.push_back({requests_.get(), POLLIN, 0});
        auto next = clock::time_point::max();
        for (const child& each : children_) {
            watched_.push_back({each.end.get(), POLLIN, 0});
            if (each.channel_open) watched_.push_back({each.channel.get(), POLLIN, 0});
            next = std::min(next, each.deadline);
        }
        int limit = -1;
        if (next != clock::time_point::max()) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - clock::now());
            limit = static_cast<int>(
                std::clamp<std::int64_t>(left.count(), 0, std::numeric_limits<int>::max()));
        }
        static_cast<void>(::poll(watched_.data(), watched_.size(), limit));
    }

    void look_after(child& each, clock::time_point now) {
        if (each.channel_open) {
            // One byte more than there may be, so that nothing longer is taken for it.
            std::array<std::uint8_t, 2> words{};
            const ssize_t size =
                ::recv(each.channel.get(), words.data(), words.size(), MSG_DONTWAIT);
            if (size == 1 && words.front() == helper_kill) {
                answer(each.channel, helper_answer::kind::killing, 0);
                kill(each);
            }
            // Nobody is there any more. What it does may be half done: it goes on to its end.
            if (size == 0) each.channel_open = false;
        }
        if (now >= each.deadline) {
            kill(each);
            each.deadline = clock::time_point::max();
        }
        int status = 0;
        if (::waitpid(each.pid, &status, WNOHANG) == each.pid) {
            answer(each.channel, helper_answer::kind::ended, status);
            each.pid = -1;
        }
    }

    // It is not reaped yet, so the number cannot have gone to another process.
    static void kill(const child& each) {
        ::kill(-each.pid, SIGKILL);
        ::kill(each.pid, SIGKILL);
    }

    void take_requests() {
        for (bool closed = false; requests_;) {
            auto came = receive(requests_.get(), buffer_, closed);
            if (closed) requests_ = descriptor{};
            if (!came) return;
            take(*came);
        }
    }

    void take(arrival& came) try {
        auto& [channel, input, output, errors] = came.descriptors;
        const auto refuse = [this, &to = channel](helper_refusal why) {
            ++refusals_;
            if (is_channel(to.get()))
                answer(to, helper_answer::kind::refused, static_cast<std::int32_t>(why));
        };
        auto read = read_request(came.message);
        if (const auto* const why = std::get_if<helper_refusal>(&read)) return refuse(*why);
        const auto& request = std::get<start_request>(read);
        if (!came.whole || !is_channel(channel.get()) || !is_of_kind(input.get(), S_IFREG) ||
            !is_of_kind(output.get(), S_IFIFO) || !is_of_kind(errors.get(), S_IFIFO))
            return refuse(helper_refusal::descriptors);
        if (children_.size() >= max_helper_children) return refuse(helper_refusal::too_many);
        if (const auto why = check(rules_, request)) return refuse(*why);

        if (const auto* const call = request.run_as ? nullptr : find_call(rules_.programs, request);
            call != nullptr && call->input != listed_input::anything) {
            // A copy: whoever sent it could still change his after it was looked at.
            const auto text = read_whole(input.get(), max_helper_input);
            if (!text) return refuse(helper_refusal::too_large);
            if (!is_harmless(call->input, *text)) return refuse(helper_refusal::input);
            input = make_input(*text);
            if (!input) return answer(channel, helper_answer::kind::failed, errno);
        }

        // Whoever asked has given it up, or is gone, while this waited for us.
        if (is_over(channel.get())) return answer(channel, helper_answer::kind::failed, ECANCELED);
        pid_t pid = -1;
        if (const int error = launch(request.path, request.arguments, request.run_as, input.get(),
                                     output.get(), errors.get(), pid)) {
            answer(channel, helper_answer::kind::failed, error);
            return;
        }
        child fresh{pid, std::move(channel), watch_end(pid),
                    clock::now() + request.time_limit + helper_grace, true};
        answer(fresh.channel, helper_answer::kind::started, pid);
        if (!fresh.end) { // it cannot be watched: it must not run without an end
            kill(fresh);
            int status = 0;
            while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
            }
            answer(fresh.channel, helper_answer::kind::ended, status);
            return;
        }
        children_.push_back(std::move(fresh));
    } catch (const std::bad_alloc&) { // before anything runs
        answer(came.descriptors.front(), helper_answer::kind::failed, ENOMEM);
    }

    // Whoever does not read a few answers of twelve bytes has lost them.
    void answer(const descriptor& channel, helper_answer::kind what, std::int32_t value) const {
        const auto bytes = write_answer({what, value, refusals_});
        static_cast<void>(
            ::send(channel.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
    }

    descriptor requests_;
    const helper_rules& rules_;
    std::vector<child> children_;
    std::vector<pollfd> watched_;
    std::vector<std::uint8_t> buffer_ =
        std::vector<std::uint8_t>(max_helper_request + 1); ///< one more shows what is too long
    std::uint32_t refusals_ = 0;
};

// Nothing of the daemon's is kept: above all not its locks.
void let_go_of_files(descriptor& requests) {
    constexpr int kept = 3;
    if (requests.get() != kept && ::dup3(requests.get(), kept, O_CLOEXEC) != kept)
        throw std::runtime_error{"cannot duplicate a descriptor"};
    static_cast<void>(requests.release());
    requests = descriptor{kept};
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (null < 0 || ::dup2(null, standard) < 0)
            throw std::runtime_error{"cannot open /dev/null"};
    if (::close_range(kept + 1, ~0U, 0) != 0) throw std::runtime_error{"cannot close descriptors"};
}

// It ends with the daemon, and not before: at a stop the daemon still has something to run.
void ignore_signals() {
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM})
        static_cast<void>(std::signal(number, SIG_IGN));
    static_cast<void>(std::signal(SIGCHLD, SIG_DFL));
}

[[noreturn]] void be_helper(descriptor requests, const helper_rules& rules,
                            const std::function<void()>& prepare, int ready) {
    int status = 1;
    try {
        ignore_signals();
        static_cast<void>(::prctl(PR_SET_NAME, "fwknopd-helper"));
        prepare();
        const char word = 1;
        const bool told = ::write(ready, &word, 1) == 1;
        let_go_of_files(requests);
        if (told) status = run_helper(std::move(requests), rules);
    } catch (const std::exception& error) {
        std::cerr << "fwknopd-helper: " << error.what() << "\n";
    }
    ::_exit(status);
}

} // namespace

int run_helper(descriptor requests, const helper_rules& rules) {
    return loop{std::move(requests), rules}.run();
}

helper::helper(const helper_rules& rules, const std::function<void()>& prepare) {
    const auto fail = [] {
        throw std::runtime_error{"[*] Cannot start the helper process: " +
                                 std::generic_category().message(errno)};
    };
    descriptor_pair channel = make_channel();
    descriptor_pair ready = make_pipe();
    if (!channel || !ready) fail();
    pid_ = ::fork();
    if (pid_ < 0) fail();
    if (pid_ == 0) {
        channel.first = descriptor{};
        be_helper(std::move(channel.second), rules, prepare, ready.second.get());
    }
    ready.second = descriptor{};
    pollfd watched{ready.first.get(), POLLIN, 0};
    while (::poll(&watched, 1, -1) < 0 && errno == EINTR) {
    }
    char word = 0;
    if (::read(ready.first.get(), &word, 1) != 1) {
        ::kill(pid_, SIGKILL); // if it is not it that failed
        static_cast<void>(::waitpid(pid_, nullptr, 0));
        pid_ = -1;
        throw std::runtime_error{"[*] The helper process could not be prepared"};
    }
    requests_ = std::move(channel.first);
}

helper::~helper() {
    requests_ = descriptor{};
    if (pid_ <= 0) return;
    if (const descriptor end = watch_end(pid_)) {
        pollfd watched{end.get(), POLLIN, 0};
        static_cast<void>(::poll(&watched, 1, end_limit));
    }
    static_cast<void>(::waitpid(pid_, nullptr, WNOHANG));
}

} // namespace fwknop
