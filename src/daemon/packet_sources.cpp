// SPDX-License-Identifier: Apache-2.0
#include "daemon/packet_sources.hpp"

#include "daemon/log.hpp"
#include "firewall/grant_keeper.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <new>
#include <stdexcept>
#include <utility>

#include <unistd.h>

namespace fwknop::daemon {

namespace asio = boost::asio;

namespace {

/// How often, while GnuPG has all that it can take, it is looked whether a file may go on.
constexpr std::chrono::milliseconds room_poll{5};

capture_settings settings_for_capture(const server_config& server) {
    return {.filter = server.pcap_filter,
            .promiscuous = server.pcap_promisc,
            .any_direction = server.pcap_any_direction,
            .snap_length = static_cast<int>(server.max_sniff_bytes),
            .ring_size = server.pcap_ring_size};
}

// Waits for readability without owning the descriptor that belongs to a source.
asio::posix::stream_descriptor watch_descriptor(asio::io_context& context, int descriptor) {
    const int copy = ::dup(descriptor);
    if (copy < 0) throw std::runtime_error{"[*] Out of file descriptors"};
    return asio::posix::stream_descriptor{context, copy};
}

} // namespace

packet_sources::packet_sources(asio::io_context& context, pipeline& line,
                               std::shared_ptr<const rulebook> rules, source_hooks hooks)
    : context_{context}
    , line_{line}
    , rules_{std::move(rules)}
    , hooks_{std::move(hooks)}
    , watcher_hooks_{hooks_for_watchers()} {
    const server_config& server = rules_->server();
    if (!server.pcap_file.empty()) {
        file_.emplace(capture::offline(server.pcap_file, settings_for_capture(server)));
        return;
    }
    if (server.udp_server) {
        listener_.emplace(static_cast<std::uint16_t>(server.udp_server_port));
    } else {
        links_.emplace(); // first: what changes while the interfaces are opened is heard
        watchers_ = open_interfaces(server);
    }
    if (server.tcp_server) {
        const auto take = [this](const result<datagram>& packet) {
            if (stopped_) return;
            line_.receive(packet, read_clocks());
            // The packet limit is about what passes the capture filter, where there is one.
            hooks_.after_turn(watchers_.empty() ? 1 : 0);
        };
        sink_.emplace(context_, static_cast<std::uint16_t>(server.tcp_server_port),
                      server.spa_over_http, take);
    }
}

watcher_hooks packet_sources::hooks_for_watchers() {
    return {
        .turn_limit = hooks_.turn_limit,
        .frame = [this](link_type link, std::span<const std::uint8_t> captured,
                        std::size_t wire_length,
                        moment now) { line_.receive_frame(link, captured, wire_length, now); },
        .after_turn = hooks_.after_turn,
        .lost = [this](const std::string& name,
                       const std::string& reason) { return wait_for_return(name, reason); },
        .opened_again = [](const std::string& name) { log::info("Sniffing interface: " + name); }};
}

packet_sources::watchers packet_sources::open_interfaces(const server_config& server) {
    watchers opened;
    for (const auto& name : server.pcap_interfaces) {
        opened.push_back(std::make_shared<interface_watcher>(
            context_, name, settings_for_capture(server), watcher_hooks_));
    }
    return opened;
}

// The interface went away. Whether that ends the daemon is the administrator's choice.
bool packet_sources::wait_for_return(const std::string& name, const std::string& reason) {
    if (rules_->server().exit_at_interface_down) {
        log::error("Interface '" + name + "' is lost: " + reason);
        hooks_.failed("Exiting because EXIT_AT_INTF_DOWN is set.");
        return false;
    }
    log::warning("Interface '" + name + "' is lost: " + reason + ". Waiting for it to return");
    return true;
}

void packet_sources::announce_interfaces() const {
    for (const auto& each : watchers_) log::info("Sniffing interface: " + each->name());
    log::info("PCAP filter is: '" + rules_->server().pcap_filter + "'");
}

void packet_sources::announce() const {
    const server_config& server = rules_->server();
    if (file_) {
        log::info("Reading pcap file: " + server.pcap_file);
    } else if (listener_) {
        log::info("Kicking off UDP server to listen on port " +
                  std::to_string(server.udp_server_port) + ".");
    } else {
        announce_interfaces();
    }
    if (sink_) {
        log::info("Kicking off TCP server to listen on port " +
                  std::to_string(server.tcp_server_port) + ".");
    }
}

void packet_sources::spawn(asio::awaitable<void> loop) {
    asio::co_spawn(context_, std::move(loop), [this](const std::exception_ptr& failure) {
        if (!failure) return;
        try {
            std::rethrow_exception(failure);
        } catch (const boost::system::system_error& error) { // without the place in a library
            log::error("A packet source failed: " + error.code().message());
            hooks_.failed("");
        } catch (const std::bad_alloc&) {
            log::error("A packet source failed: out of memory");
            hooks_.failed("");
        } catch (const std::exception& error) {
            log::error(std::string{"A packet source failed: "} + error.what());
            hooks_.failed("");
        }
    });
}

void packet_sources::spawn_watchers() {
    for (const auto& each : watchers_) spawn(each->run());
}

void packet_sources::start() {
    if (file_) spawn(read_file());
    if (listener_) spawn(watch_udp());
    if (links_) spawn(watch_links());
    spawn_watchers();
    if (sink_) spawn(sink_->run());
}

void packet_sources::stop() {
    stopped_ = true;
    for (const auto& each : watchers_) each->stop();
    if (sink_) sink_->close();
}

void packet_sources::use(std::shared_ptr<const rulebook> rules, bool reopen) {
    if (reopen && !watchers_.empty()) {
        auto fresh = open_interfaces(rules->server());
        for (const auto& each : watchers_) each->stop();
        watchers_ = std::move(fresh);
        spawn_watchers();
    } else {
        reopen = false;
    }
    rules_ = std::move(rules);
    if (reopen) announce_interfaces();
}

std::uint64_t packet_sources::dropped() const {
    std::uint64_t sum = 0;
    for (const auto& each : watchers_) sum += each->dropped();
    return sum;
}

asio::awaitable<void> packet_sources::watch_links() {
    auto descriptor = watch_descriptor(context_, links_->descriptor());
    const auto tell = [this](const link_event& event) {
        for (const auto& each : watchers_)
            if (each->name() == event.name) each->link_changed(event.up);
    };
    while (!stopped_) {
        co_await descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                       asio::use_awaitable);
        if (links_->receive(tell)) continue;
        // Events were lost in a storm of them: see for ourselves.
        for (const auto& each : watchers_) each->link_changed(is_link_up(each->name()));
    }
}

asio::awaitable<void> packet_sources::watch_udp() {
    auto descriptor = watch_descriptor(context_, listener_->descriptor());
    moment now{};
    const auto handle = [this, &now](const result<datagram>& packet) {
        line_.receive(packet, now);
    };
    for (;;) {
        co_await descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                       asio::use_awaitable);
        if (stopped_) co_return;
        now = read_clocks();
        hooks_.after_turn(listener_->receive(hooks_.turn_limit(), handle));
    }
}

asio::awaitable<void> packet_sources::read_file() {
    const auto handle = [this](link_type link, std::span<const std::uint8_t> captured,
                               std::size_t wire_length) {
        line_.receive_frame(link, captured, wire_length, read_clocks());
    };
    asio::steady_timer timer{context_};
    for (;;) {
        // A file can wait until GnuPG has done what it was given.
        while (line_.room() == 0 && !stopped_) {
            timer.expires_after(room_poll);
            co_await timer.async_wait(asio::use_awaitable);
        }
        if (stopped_) co_return;
        const auto turn = file_->dispatch(std::min(hooks_.turn_limit(), line_.room()), handle);
        hooks_.after_turn(turn.frames);
        if (stopped_) co_return;
        if (turn.now == capture::state::failed) {
            log::error("Cannot read the capture further: " + file_->last_error());
            hooks_.failed("");
            co_return;
        }
        if (turn.now == capture::state::ended) break;
        co_await asio::post(context_, asio::use_awaitable); // timers and children have their turn
    }
    hooks_.file_ended();
}

} // namespace fwknop::daemon
