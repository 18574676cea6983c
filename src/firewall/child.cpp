// SPDX-License-Identifier: Apache-2.0
#include "firewall/child.hpp"

#include "firewall/iptables_programs.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Why not Boost.Process v2: in 1.81 its child side walks /dev/fd with opendir between fork and
// exec, which allocates and is not safe there; its fork copies the daemon's page tables for every
// rule; and it has no process groups. posix_spawn (vfork inside) has all we need in glibc 2.34.

namespace fwknop {

namespace {

namespace asio = boost::asio;

// A descriptor of ours until it is released, never one of 0, 1, 2: those get replaced in the child.
class descriptor {
  public:
    descriptor() = default;
    explicit descriptor(int value) : value_{value} {
        if (value_ < 0 || value_ > 2) return;
        const int higher = ::fcntl(value_, F_DUPFD_CLOEXEC, 3);
        ::close(value_);
        value_ = higher;
    }
    descriptor(descriptor&& other) noexcept : value_{std::exchange(other.value_, -1)} {}
    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() {
        if (value_ >= 0) ::close(value_);
    }

    [[nodiscard]] int get() const noexcept { return value_; }
    [[nodiscard]] int release() noexcept { return std::exchange(value_, -1); }
    [[nodiscard]] explicit operator bool() const noexcept { return value_ >= 0; }

  private:
    int value_ = -1;
};

struct pipe_ends {
    descriptor read;
    descriptor write;
};

pipe_ends make_pipe() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
    pipe_ends made{descriptor{ends[0]}, descriptor{ends[1]}};
    if (made.read) ::fcntl(made.read.get(), F_SETFL, O_NONBLOCK);
    return made;
}

// The whole input is known beforehand, so it goes into a file in memory: a child that never reads
// it cannot hold us up, and there is no pipe to break.
descriptor make_input(std::string_view text) {
    descriptor file{::memfd_create("input", MFD_CLOEXEC)};
    if (!file) return file;
    while (!text.empty()) {
        const ssize_t written = ::write(file.get(), text.data(), text.size());
        if (written < 0) {
            if (errno == EINTR) continue;
            return {};
        }
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    // Else it would read nothing, and do nothing with success.
    if (::lseek(file.get(), 0, SEEK_SET) != 0) return {};
    return file;
}

struct spawn_settings {
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};

    spawn_settings(int input, int output, int errors) {
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_adddup2(&actions, input, 0);
        ::posix_spawn_file_actions_adddup2(&actions, output, 1);
        ::posix_spawn_file_actions_adddup2(&actions, errors, 2);
        ::posix_spawn_file_actions_addclosefrom_np(&actions, 3);
        ::posix_spawn_file_actions_addchdir_np(&actions, "/");

        sigset_t none;
        sigset_t all;
        sigemptyset(&none);
        sigfillset(&all);
        ::posix_spawnattr_init(&attributes);
        ::posix_spawnattr_setsigmask(&attributes, &none);
        ::posix_spawnattr_setsigdefault(&attributes, &all);
        ::posix_spawnattr_setpgroup(&attributes, 0);
        ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                    POSIX_SPAWN_SETPGROUP);
    }
    spawn_settings(const spawn_settings&) = delete;
    spawn_settings& operator=(const spawn_settings&) = delete;
    ~spawn_settings() {
        ::posix_spawnattr_destroy(&attributes);
        ::posix_spawn_file_actions_destroy(&actions);
    }
};

int spawn(const child_start& what, pid_t& pid) {
    const spawn_settings settings{what.input, what.output, what.errors};
    return ::posix_spawn(&pid, what.path, &settings.actions, &settings.attributes, what.arguments,
                         what.environment);
}

// One running child. Whoever waits for its end holds the last reference; a child that is let go
// of before its end (the io_context is torn down) is killed and reaped by the destructor.
class child_process : public std::enable_shared_from_this<child_process> {
  public:
    child_process(const asio::any_io_executor& executor, child_command command)
        : command_{std::move(command)}
        , end_{executor}
        , timer_{executor}
        , output_{asio::posix::stream_descriptor{executor}, command_.max_output, {}, false}
        , errors_{asio::posix::stream_descriptor{executor}, command_.max_errors, {}, false} {}
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;
    ~child_process() {
        kill();
        reap();
    }

    /// 0, or the system's error number. It may have been started all the same: see `started`.
    [[nodiscard]] int start() {
        const descriptor input =
            make_input(command_.secret_input ? command_.secret_input->text()
                                             : std::string_view{command_.input});
        if (!input) return errno;
        pipe_ends output = make_pipe();
        if (!output.read || !output.write) return errno;
        pipe_ends errors = make_pipe();
        if (!errors.read || !errors.write) return errno;

        const std::string path = "PATH=" + std::string{default_program_path};
        std::array environment{const_cast<char*>(path.c_str()), const_cast<char*>("LC_ALL=C"),
                               static_cast<char*>(nullptr)};
        std::vector<char*> arguments{command_.path.data()};
        for (std::string& argument : command_.arguments) arguments.push_back(argument.data());
        arguments.push_back(nullptr);

        const child_start what{command_.path.c_str(), arguments.data(),   environment.data(),
                               input.get(),           output.write.get(), errors.write.get()};
        pid_t pid = -1;
        if (const int error =
                command_.run_as ? spawn_as(*command_.run_as, what, pid) : spawn(what, pid))
            return error;
        pid_ = pid;
        if (command_.started) command_.started(pid);

        // Not reaped yet, so the number cannot have gone to another process. By its number: the
        // declaration in glibc 2.36 does not link from C++.
        descriptor end{static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0))};
        if (!end) return errno;
        // One whose output goes unseen would seem to have had nothing to say: a listing of rules
        // would be taken for an empty one.
        for (auto [from, into] : {std::pair{&end, &end_}, std::pair{&output.read, &output_.pipe},
                                  std::pair{&errors.read, &errors_.pipe}}) {
            boost::system::error_code error;
            into->assign(from->get(), error);
            if (error) return error.value();
            static_cast<void>(from->release());
        }
        return 0;
    }

    [[nodiscard]] bool started() const noexcept { return pid_ > 0; }

    /// Calls `done` once, from the executor, when the child has ended and is reaped.
    template <class Done>
    void wait(Done done) {
        collect(output_);
        collect(errors_);
        timer_.expires_after(command_.time_limit);
        timer_.async_wait([self = weak_from_this()](boost::system::error_code error) {
            if (const auto process = self.lock(); process && !error)
                process->kill_because(child_end::time_limit);
        });
        end_.async_wait(asio::posix::descriptor_base::wait_read,
                        [self = shared_from_this(),
                         done = std::move(done)](boost::system::error_code error) mutable {
                            // Cannot be watched: it must not be waited for without an end.
                            if (error) self->kill_because(child_end::signalled);
                            self->finish();
                            self.reset();
                            std::move(done)();
                        });
    }

    void kill_because(child_end reason) {
        if (pid_ <= 0 || reason_) return;
        reason_ = reason;
        kill();
    }

    [[nodiscard]] child_result take_result() { return std::move(result_); }

  private:
    struct stream {
        asio::posix::stream_descriptor pipe;
        std::size_t limit;
        std::string text;
        bool cut;
    };

    void kill() const {
        if (pid_ <= 0) return;
        ::kill(-pid_, SIGKILL);
        ::kill(pid_, SIGKILL);
    }

    int reap() {
        int status = 0;
        if (pid_ > 0)
            while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
            }
        pid_ = -1;
        return status;
    }

    // Reads what is there. Beyond the limit it is dropped, but read, so the child never blocks.
    // False at the end of the stream.
    static bool drain(stream& from) {
        std::array<char, 16 * 1024> chunk;
        for (;;) {
            const ssize_t size = ::read(from.pipe.native_handle(), chunk.data(), chunk.size());
            if (size < 0 && errno == EINTR) continue;
            if (size < 0) return errno == EAGAIN;
            if (size == 0) return false;
            const auto fresh = static_cast<std::size_t>(size);
            const std::size_t kept = std::min(fresh, from.limit - from.text.size());
            from.text.append(chunk.data(), kept);
            if (kept < fresh) from.cut = true;
        }
    }

    // Waits for readiness only, so that no bytes are under way when the child's end is seen first.
    void collect(stream& from) {
        from.pipe.async_wait(
            asio::posix::descriptor_base::wait_read,
            [this, &from, self = weak_from_this()](boost::system::error_code error) {
                const auto process = self.lock();
                if (error || !process || !from.pipe.is_open()) return;
                if (drain(from)) collect(from);
            });
    }

    void finish() {
        boost::system::error_code ignored;
        timer_.cancel();
        for (stream* from : {&output_, &errors_}) {
            drain(*from);
            from->pipe.close(ignored);
        }
        const int status = reap();
        end_.close(ignored);

        result_.output = std::move(output_.text);
        result_.output_cut = output_.cut;
        result_.errors = std::move(errors_.text);
        if (WIFEXITED(status)) {
            result_.end = child_end::exited;
            result_.code = WEXITSTATUS(status);
        } else {
            result_.end = reason_.value_or(child_end::signalled);
            result_.code = WTERMSIG(status);
        }
    }

    child_command command_;
    pid_t pid_ = -1;
    asio::posix::stream_descriptor end_; ///< a pidfd: readable when the child has ended
    asio::steady_timer timer_;
    stream output_;
    stream errors_;
    std::optional<child_end> reason_; ///< why we killed it
    child_result result_;
};

} // namespace

std::string describe_failure(const child_command& command, const child_result& result) {
    std::string text = command.path + ": ";
    const auto seconds = std::chrono::duration<double>(command.time_limit).count();
    switch (result.end) {
    case child_end::not_started:
        return text + "cannot be started: " + result.errors;
    case child_end::time_limit: {
        std::string limit = std::to_string(seconds);
        limit.erase(limit.find_last_not_of('0') + 1);
        if (limit.ends_with('.')) limit.pop_back();
        text += "did not finish within " + limit + " s and was killed";
        break;
    }
    case child_end::cancelled:
        text += "was killed because the daemon is stopping";
        break;
    case child_end::signalled:
        text += "was ended by signal " + std::to_string(result.code);
        break;
    case child_end::exited:
        text += "exit status " + std::to_string(result.code);
        break;
    }

    // Its own words on one line, without control characters, and not for ever.
    constexpr std::size_t max_words = 400;
    std::string words;
    for (const char c : result.errors.substr(0, max_words)) {
        if (c == '\n') {
            if (!words.empty() && !words.ends_with("; ")) words += "; ";
        } else {
            words += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
        }
    }
    if (words.ends_with("; ")) words.resize(words.size() - 2);
    return words.empty() ? text : text + ": " + words;
}

asio::awaitable<child_result> run_child(child_command command) {
    const auto executor = co_await asio::this_coro::executor;
    auto process = std::make_shared<child_process>(executor, std::move(command));
    if (const int error = process->start()) {
        child_result failed;
        failed.errors = std::system_category().message(error);
        if (process->started()) { // nobody knows how far it came before it is killed with `process`
            failed.end = child_end::signalled;
            failed.code = SIGKILL;
            failed.errors.insert(0, "it cannot be watched: ");
        }
        co_return failed;
    }

    // By reference: GCC 12 destroys what a lambda inside a co_await expression holds twice.
    auto initiate = [&process](auto handler) {
        auto slot = asio::get_associated_cancellation_slot(handler);
        if (slot.is_connected())
            slot.assign([weak = std::weak_ptr{process}](asio::cancellation_type) {
                if (const auto alive = weak.lock()) alive->kill_because(child_end::cancelled);
            });
        process->wait([slot, handler = std::move(handler)]() mutable {
            if (slot.is_connected()) slot.clear();
            std::move(handler)();
        });
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(initiate,
                                                                          asio::use_awaitable);
    co_return process->take_result();
}

} // namespace fwknop
