// SPDX-License-Identifier: Apache-2.0
#include "daemon/interface_watcher.hpp"

#include "daemon/file_descriptor.hpp"
#include "firewall/grant_keeper.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cerrno>
#include <chrono>
#include <stdexcept>

#include <unistd.h>

namespace fwknop::daemon {

namespace asio = boost::asio;

namespace {

/// How often a lost interface is looked for when the kernel says nothing about it.
constexpr std::chrono::seconds retry_interval{1};

} // namespace

interface_watcher::interface_watcher(asio::io_context& context, const std::string& name,
                                     const capture_settings& settings, const watcher_hooks& hooks)
    : context_{context}
    , name_{name}
    , settings_{settings}
    , hooks_{hooks}
    , capture_{capture::live(name, settings)}
    , readable_{context}
    , retry_{context} {
    hold_descriptor();
}

asio::awaitable<void> interface_watcher::run() {
    const auto self = shared_from_this();
    for (;;) {
        const std::string reason = co_await watch();
        if (stopped_ || !hooks_.lost(name_, reason) || !co_await reopen()) co_return;
        hooks_.opened_again(name_);
    }
}

void interface_watcher::stop() {
    stopped_ = true;
    boost::system::error_code not_open;
    readable_.cancel(not_open);
    retry_.cancel();
}

void interface_watcher::link_changed(bool up) {
    if (up == up_) return;
    up_ = up;
    boost::system::error_code not_open;
    if (up)
        retry_.cancel(); // no need to wait any longer
    else
        readable_.cancel(not_open);
}

// Waits for readability without owning the descriptor, which belongs to libpcap. All that can fail
// is done before anybody relies on this watcher, as a reload does.
void interface_watcher::hold_descriptor() {
    file_descriptor copy{::dup(capture_.descriptor())};
    boost::system::error_code error;
    if (copy)
        readable_.assign(copy.get(), error);
    else
        error.assign(errno, boost::system::system_category());
    if (error) {
        throw std::runtime_error{"[*] Cannot wait for packets on interface '" + name_ +
                                 "': " + error.message()};
    }
    static_cast<void>(copy.release());
}

/// Until the capture ends; says why.
asio::awaitable<std::string> interface_watcher::watch() {
    moment now{};
    const capture::frame_handler handle =
        [this, &now](link_type link, std::span<const std::uint8_t> captured,
                     std::size_t wire_length) { hooks_.frame(link, captured, wire_length, now); };
    std::string reason;
    while (reason.empty() && !stopped_ && up_) {
        boost::system::error_code cancelled;
        co_await readable_.async_wait(asio::posix::stream_descriptor::wait_read,
                                      asio::redirect_error(asio::use_awaitable, cancelled));
        if (stopped_ || !up_) break;
        now = read_clocks();
        const auto turn = capture_.dispatch(hooks_.turn_limit(), handle);
        hooks_.after_turn(turn.frames);
        if (turn.now == capture::state::failed) reason = capture_.last_error();
    }
    readable_.close();
    if (!up_) reason = "it was switched off";
    co_return reason;
}

/// False when it is not wanted any more.
asio::awaitable<bool> interface_watcher::reopen() {
    while (!stopped_) {
        retry_.expires_after(retry_interval);
        boost::system::error_code cancelled;
        co_await retry_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
        if (stopped_) break;
        try {
            capture_ = capture::live(name_, settings_);
            hold_descriptor();
        } catch (const std::runtime_error&) {
            continue; // not there yet, or not up, or no descriptor to be had
        }
        up_ = true;
        co_return true;
    }
    co_return false;
}

} // namespace fwknop::daemon
