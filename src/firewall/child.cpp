// SPDX-License-Identifier: Apache-2.0
#include "firewall/child.hpp"

#include "firewall/child_files.hpp"
#include "firewall/helper_access.hpp"
#include "firewall/launch.hpp"

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
#include <tuple>
#include <utility>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fwknop {

namespace {

namespace asio = boost::asio;

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

    /// Nothing, or why it does not run, as far as is known: see `started`.
    [[nodiscard]] std::optional<std::string> start(helper_access* helper) {
        const descriptor input =
            make_input(command_.secret_input ? command_.secret_input->text()
                                             : std::string_view{command_.input});
        descriptor_pair output = make_pipe();
        descriptor_pair errors = make_pipe();
        if (!input || !output || !errors) return std::system_category().message(errno);

        descriptor end;
        if (helper != nullptr) {
            std::string refusal;
            std::tie(end, refusal) =
                helper->start({command_.path, command_.arguments, command_.run_as,
                               std::chrono::ceil<std::chrono::milliseconds>(command_.time_limit)},
                              input.get(), output.second.get(), errors.second.get());
            if (!end) return refusal;
            helper_ = helper;
        } else {
            if (const int error =
                    launch(command_.path, command_.arguments, command_.run_as, input.get(),
                           output.second.get(), errors.second.get(), pid_))
                return std::system_category().message(error);
            if (command_.started) command_.started(pid_);
            end = watch_end(pid_);
            if (!end) return std::system_category().message(errno);
        }
        // One whose output goes unseen would seem to have had nothing to say: a listing of rules
        // would be taken for an empty one.
        boost::system::error_code error;
        const auto watch = [&error](descriptor& from, auto& by) {
            if (!error) by.assign(from.get(), error);
            if (!error) static_cast<void>(from.release());
        };
        watch(end, end_);
        watch(output.first, output_.pipe);
        watch(errors.first, errors_.pipe);
        if (!error) return std::nullopt;
        if (helper_ != nullptr && end)
            helper_access::kill(end.get()); // nobody else has the channel
        return error.message();
    }

    /// It runs, or a helper was told to start it.
    [[nodiscard]] bool started() const noexcept { return pid_ > 0 || helper_ != nullptr; }

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
        wait_on(std::move(done));
    }

    void kill_because(child_end reason) {
        if (ended_ || reason_) return;
        reason_ = reason;
        kill();
        if (helper_ != nullptr) expect_answer();
    }

    [[nodiscard]] child_result take_result() { return std::move(result_); }

  private:
    struct stream {
        asio::posix::stream_descriptor pipe;
        std::size_t limit;
        std::string text;
        bool cut;
    };

    // `done` is called with the end; until then a helper has more to say.
    template <class Done>
    void wait_on(Done done) {
        end_.async_wait(asio::posix::descriptor_base::wait_read,
                        [self = shared_from_this(),
                         done = std::move(done)](boost::system::error_code error) mutable {
                            // Cannot be watched: it must not be waited for without an end.
                            if (error && !self->status_) {
                                self->kill_because(child_end::signalled);
                                if (self->helper_ != nullptr) self->status_ = SIGKILL;
                            }
                            if (!error && self->helper_ != nullptr && self->listen())
                                return self->wait_on(std::move(done));
                            self->finish();
                            self.reset();
                            std::move(done)();
                        });
    }

    // Without a helper that does what it is asked no child has an end any more.
    void expect_answer() {
        timer_.expires_after(helper_->patience());
        timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
            const auto self = weak.lock();
            if (!self || error || self->ended_) return;
            // Both may have been stopped for a while, and it has answered before we look.
            pollfd heard{self->end_.native_handle(), POLLIN, 0};
            if (::poll(&heard, 1, 0) != 0) return;
            self->result_.errors = "the helper process does not answer";
            self->status_ = SIGKILL;
            boost::system::error_code ignored;
            self->end_.cancel(ignored); // what waits for its end goes on with that
            self->helper_->give_up();
        });
    }

    // Takes what the helper says. Whether more is to come.
    bool listen() {
        using kind = helper_answer::kind;
        bool gone = false;
        const auto answer = helper_->hear(end_.native_handle(), gone);
        if (!answer && !gone) return true;
        if (!answer) {
            // It is gone, and with it whoever knows how the child ended.
            result_.errors = "the helper process has ended";
            status_ = SIGKILL;
            return false;
        }
        switch (answer->what) {
        case kind::started:
            pid_ = answer->value;
            if (command_.started) command_.started(pid_);
            return true;
        case kind::killing:
            timer_.cancel();
            return true;
        case kind::failed:
            result_.errors = std::system_category().message(answer->value);
            return false;
        case kind::refused:
            result_.errors = text_of(static_cast<helper_refusal>(answer->value));
            return false;
        case kind::ended:
            status_ = answer->value;
            return false;
        }
        return false;
    }

    void kill() {
        if (helper_ != nullptr && !ended_) helper_access::kill(end_.native_handle());
        if (helper_ != nullptr || pid_ <= 0) return;
        ::kill(-pid_, SIGKILL);
        ::kill(pid_, SIGKILL);
    }

    void reap() {
        int status = 0;
        if (helper_ == nullptr && pid_ > 0) {
            while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
            }
            status_ = status;
        }
        pid_ = -1;
        ended_ = true;
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
        reap();
        end_.close(ignored);
        if (!status_) return; // it never ran

        const int status = *status_;
        result_.output = std::move(output_.text);
        result_.output_cut = output_.cut;
        if (result_.errors.empty()) result_.errors = std::move(errors_.text);
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
    helper_access* helper_ = nullptr;    ///< who started it, if it was not us
    asio::posix::stream_descriptor end_; ///< a pidfd, or what a helper says of the child
    std::optional<int> status_;          ///< as waitpid has it
    bool ended_ = false;
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
    if (auto problem = process->start(helper_access::of(executor))) {
        child_result failed;
        failed.errors = *std::move(problem);
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
