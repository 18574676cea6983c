// SPDX-License-Identifier: Apache-2.0
#include "daemon/service.hpp"

#include "core/spa/text.hpp"
#include "daemon/firewall_setup.hpp"
#include "daemon/log.hpp"
#include "firewall/grant_log.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <csignal>
#include <exception>
#include <stdexcept>
#include <utility>

#include <unistd.h>

namespace fwknop::daemon {

namespace asio = boost::asio;

namespace {

/// How often a lost interface is looked for, and, after a capture file, what is still open.
constexpr std::chrono::seconds reopen_interval{1};
constexpr std::chrono::milliseconds expiry_poll{20};

/// For closing everything after an internal failure.
constexpr std::chrono::seconds emergency_stop_limit{10};

// A capture file is old by nature: its packets' age is checked only when that is asked for.
bool checks_age(const server_config& server) {
    if (!server.packet_aging) return false;
    return server.pcap_file.empty() || server.is_explicit("ENABLE_SPA_PACKET_AGING");
}

/// Entries of the replay file older than this cannot match anything acceptable any more.
unix_time forget_before(const server_config& server, unix_time now) {
    if (!checks_age(server)) return unix_time{};
    return now - 2 * std::chrono::seconds{server.max_packet_age} - std::chrono::hours{24};
}

std::optional<std::uint64_t> parse_packet_limit(const std::optional<std::string>& text) {
    if (!text) return std::nullopt;
    const auto limit = parse_digits<std::uint64_t>(*text);
    if (!limit || *limit == 0) {
        throw std::runtime_error{"[*] --packet-limit value '" + *text +
                                 "' is not a number above zero"};
    }
    return limit;
}

capture_settings settings_for_capture(const server_config& server) {
    return {.filter = server.pcap_filter,
            .promiscuous = server.pcap_promisc,
            .any_direction = server.pcap_any_direction,
            .snap_length = static_cast<int>(server.max_sniff_bytes),
            .ring_size = server.pcap_ring_size};
}

std::optional<http_rules> rules_for_http(const server_config& server) {
    if (!server.spa_over_http) return std::nullopt;
    return http_rules{.any_user_agent = server.allow_any_user_agent,
                      .forwarded_for = server.x_forwarded_for};
}

std::string signal_name(int number) {
    return number == SIGINT ? "SIGINT" : "SIGTERM";
}

// Waits for readability without owning the descriptor that belongs to a source.
asio::posix::stream_descriptor watch_descriptor(asio::io_context& context, int descriptor) {
    const int copy = ::dup(descriptor);
    if (copy < 0) throw std::runtime_error{"[*] Out of file descriptors"};
    return asio::posix::stream_descriptor{context, copy};
}

} // namespace

service::service(const options& given, const configuration& config, service_manager manager)
    : config_{config}
    , test_mode_{given.test}
    , packet_limit_{parse_packet_limit(given.packet_limit)}
    , signals_{context_, SIGTERM, SIGINT, SIGHUP}
    , stopped_{context_, asio::steady_timer::time_point::max()}
    , summary_timer_{context_}
    , replays_{replay_store::open(config.server.digest_file,
                                  forget_before(config.server, read_clocks().wall),
                                  config.server.digest_persistence && !given.test)}
    , gate_{config.stanzas, config.server, checks_age(config.server)}
    , pipeline_{gate_,
                replays_,
                log_,
                [this](const attempt& granted, const datagram& packet) { open(granted, packet); },
                given.test,
                rules_for_http(config.server)}
    , supervision_{context_.get_executor(), std::move(manager),
                   [this] {
                       return status_line(pipeline_.counters(),
                                          keeper_ ? keeper_->grants().size() : 0);
                   }}
    , reporter_{[this] { supervision_.changed(); }}
    , commands_{context_.get_executor()} {
    open_sources();
    const auto is_cycle = [](const stanza& entry) { return entry.cycle.enabled(); };
    if (!test_mode_ && !std::ranges::all_of(config.stanzas, is_cycle)) {
        backend_ = make_backend(config.server,
                                std::ranges::any_of(config.stanzas, [](const stanza& entry) {
                                    return entry.nat.force_snat || entry.nat.force_masquerade;
                                }));
        keeper_.emplace(context_.get_executor(), *backend_, reporter_);
    }
}

void service::open_sources() {
    const server_config& server = config_.server;
    if (reads_file()) {
        captures_.push_back(capture::offline(server.pcap_file, settings_for_capture(server)));
    } else if (server.udp_server) {
        listener_.emplace(static_cast<std::uint16_t>(server.udp_server_port));
    } else {
        for (const auto& interface : server.pcap_interfaces) {
            captures_.push_back(capture::live(interface, settings_for_capture(server)));
        }
    }
    if (server.tcp_server && !reads_file()) {
        sink_.emplace(context_, static_cast<std::uint16_t>(server.tcp_server_port),
                      server.spa_over_http,
                      [this](const result<datagram>& packet) { take_from_tcp(packet); });
    }
}

void service::open(const attempt& granted, const datagram& packet) {
    if (commands_.run(granted, packet)) return;
    const auto& grant = std::get<access_decision>(granted.outcome);
    open_request request{.source = grant.source,
                         .destination = grant.destination,
                         .services = grant.services,
                         .timeout = grant.timeout,
                         .token = granted.entry->number,
                         .name = granted.entry->name,
                         .user = grant.user,
                         .nat = grant.nat};
    if (grant.nat_host.empty()) {
        keeper_->open(std::move(request));
    } else {
        asio::co_spawn(context_, open_by_name(std::move(request), grant.nat_host), asio::detached);
    }
}

// Other packets do not wait for this one's name server.
asio::awaitable<void> service::open_by_name(open_request request, std::string host) {
    const std::string source = request.source.to_string();
    const std::string head = "[" + source + "] (stanza #" + std::to_string(request.token) + ") ";
    const auto found = co_await names_.find(host, request.source.family());
    if (!found.address) {
        const log::event what{.kind = log::event_kind::refuse,
                              .source = source,
                              .stanza = static_cast<std::size_t>(request.token),
                              .name = request.name,
                              .user = request.user,
                              .reason = "nat_host_unknown"};
        log::warning(head + "Unable to resolve Hostname in NAT SPA message: " + escaped(host) +
                         ": " + found.error,
                     what);
        co_return;
    }
    log::info(head + "Resolved NAT IP in SPA message");
    request.nat->inside.address = *found.address;
    keeper_->open(std::move(request));
}

void service::stop(ending why) {
    if (ending_) return; // the first reason counts
    ending_ = std::move(why);
    stopped_.cancel();
}

// Packets that may be handled before timers, children and other sources have their turn.
std::size_t service::turn_limit() const {
    const std::uint64_t limit = config_.server.pcap_dispatch_count;
    return packet_limit_ ? std::min(limit, *packet_limit_ - packets_) : limit;
}

// After some packets: what must not be done for each of them.
void service::after_turn(std::size_t packets) {
    packets_ += packets;
    supervision_.changed();
    if (packet_limit_ && packets_ >= *packet_limit_) {
        const std::string limit = std::to_string(*packet_limit_);
        log::info("* Incoming packet count limit of " + limit + " reached");
        stop({0, "Packet count limit (" + limit + ") reached. Exiting..."});
    }
    if (!summary_armed_ && log_.summary_due()) {
        summary_armed_ = true;
        asio::co_spawn(context_, write_summary(), asio::detached);
    }
}

asio::awaitable<void> service::write_summary() {
    boost::system::error_code cancelled;
    if (const auto due = log_.summary_due()) {
        summary_timer_.expires_at(*due);
        co_await summary_timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    }
    log_.sum_up();
    summary_armed_ = false;
}

asio::awaitable<void> service::watch_interface(std::size_t index) {
    moment now{};
    const auto handle = [this, &now](link_type link, std::span<const std::uint8_t> captured,
                                     std::size_t wire_length) {
        pipeline_.receive_frame(link, captured, wire_length, now);
    };
    for (;;) {
        auto descriptor = watch_descriptor(context_, captures_[index].descriptor());
        for (;;) {
            co_await descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                           asio::use_awaitable);
            if (ending_) co_return; // nothing is accepted any more
            now = read_clocks();
            const auto turn = captures_[index].dispatch(turn_limit(), handle);
            after_turn(turn.frames);
            if (turn.now == capture::state::failed) break;
        }
        if (!co_await reopen(index)) co_return;
    }
}

// The interface went away. Whether that ends the daemon is the administrator's choice.
asio::awaitable<bool> service::reopen(std::size_t index) {
    const std::string& name = config_.server.pcap_interfaces[index];
    const std::string reason = captures_[index].last_error();
    if (config_.server.exit_at_interface_down) {
        log::error("Interface '" + name + "' is lost: " + reason);
        stop({1, "Exiting because EXIT_AT_INTF_DOWN is set."});
        co_return false;
    }
    log::warning("Interface '" + name + "' is lost: " + reason + ". Waiting for it to return");
    asio::steady_timer timer{context_};
    for (;;) {
        timer.expires_after(reopen_interval);
        co_await timer.async_wait(asio::use_awaitable);
        try {
            captures_[index] = capture::live(name, settings_for_capture(config_.server));
        } catch (const std::runtime_error&) {
            continue;
        }
        log::info("Sniffing interface: " + name);
        co_return true;
    }
}

asio::awaitable<void> service::watch_udp() {
    auto descriptor = watch_descriptor(context_, listener_->descriptor());
    moment now{};
    const auto handle = [this, &now](const result<datagram>& packet) {
        pipeline_.receive(packet, now);
    };
    for (;;) {
        co_await descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                       asio::use_awaitable);
        if (ending_) co_return; // nothing is accepted any more
        now = read_clocks();
        after_turn(listener_->receive(turn_limit(), handle));
    }
}

void service::take_from_tcp(const result<datagram>& packet) {
    if (ending_) return; // nothing is accepted any more
    pipeline_.receive(packet, read_clocks());
    // The packet limit is about what passes the capture filter, where there is one.
    after_turn(captures_.empty() ? 1 : 0);
}

asio::awaitable<void> service::read_file() {
    const auto handle = [this](link_type link, std::span<const std::uint8_t> captured,
                               std::size_t wire_length) {
        pipeline_.receive_frame(link, captured, wire_length, read_clocks());
    };
    for (;;) {
        const auto turn = captures_.front().dispatch(turn_limit(), handle);
        after_turn(turn.frames);
        if (ending_) break;
        if (turn.now == capture::state::failed) {
            log::error("Cannot read the capture further: " + captures_.front().last_error());
            stop({1, ""});
            co_return;
        }
        if (turn.now == capture::state::ended) break;
        co_await asio::post(context_, asio::use_awaitable); // timers and children have their turn
    }
    // What was asked for is opened first; and rules that nobody is told to flush must still expire.
    asio::steady_timer timer{context_};
    while (commands_.busy() ||
           (keeper_ && (names_.running() != 0 || keeper_->busy() ||
                        (!config_.server.flush_ipt_at_exit && !keeper_->grants().empty())))) {
        timer.expires_after(expiry_poll);
        co_await timer.async_wait(asio::use_awaitable);
    }
    stop({0, ""});
}

asio::awaitable<void> service::watch_signals() {
    for (;;) {
        const int number = co_await signals_.async_wait(asio::use_awaitable);
        if (number == SIGHUP) {
            log::warning("Got SIGHUP. This version of fwknopd does not re-read its configuration "
                         "while it runs: stop and start it instead");
            continue;
        }
        stop({0, "Got " + signal_name(number) + ". Exiting..."});
        co_return;
    }
}

asio::awaitable<bool> service::start_firewall() {
    const start_outcome started = co_await keeper_->start();
    for (const auto& notice : started.notices) log::warning(notice);
    if (!started.ok()) {
        log::error("[*] " + started.error);
        co_return false;
    }
    for (const auto& jump : started.jumps) log::info(added_jump_line(jump.from, jump.to));
    if (config_.server.ipt_comment_check) log::info("iptables 'comment' match is available");
    for (const auto& each : started.adopted) {
        const auto& nat = each.key.nat;
        const bool all = nat && nat->all_ports && !nat->local;
        log::info("Took over a rule of an earlier run for " + each.key.source.to_string() + " " +
                  (all ? "*/*" : to_string(each.key.door)) + ", expires at " +
                  std::to_string(to_seconds(each.expires)));
    }
    co_return true;
}

asio::awaitable<void> service::live(const std::function<void()>& ready) {
    // A signal during start-up must not leave half a firewall behind: it is seen after it.
    asio::co_spawn(context_, watch_signals(), asio::detached);
    if (keeper_ && !co_await start_firewall()) {
        co_await keeper_->stop();
        ending_ = ending{1, ""};
        context_.stop();
        co_return;
    }

    const auto spawn = [this](asio::awaitable<void> loop) {
        asio::co_spawn(context_, std::move(loop), [this](const std::exception_ptr& failure) {
            if (!failure) return;
            try {
                std::rethrow_exception(failure);
            } catch (const std::exception& error) {
                log::error(std::string{"A packet source failed: "} + error.what());
                stop({1, ""});
            }
        });
    };
    if (reads_file()) {
        log::info("Reading pcap file: " + config_.server.pcap_file);
    } else if (listener_) {
        log::info("Kicking off UDP server to listen on port " +
                  std::to_string(config_.server.udp_server_port) + ".");
    } else {
        for (const auto& name : config_.server.pcap_interfaces) {
            log::info("Sniffing interface: " + name);
        }
        log::info("PCAP filter is: '" + config_.server.pcap_filter + "'");
    }
    if (sink_) {
        log::info("Kicking off TCP server to listen on port " +
                  std::to_string(config_.server.tcp_server_port) + ".");
    }
    for (const auto& warning : replays_.warnings()) log::warning(warning);
    log::debug("Using Digest Cache: '" + config_.server.digest_file +
               "' (entry count = " + std::to_string(replays_.size()) + ")");
    log::info("Starting fwknopd main event loop.");
    if (reads_file()) {
        spawn(read_file());
    } else if (listener_) {
        spawn(watch_udp());
    } else {
        for (std::size_t i = 0; i < captures_.size(); ++i) spawn(watch_interface(i));
    }
    if (sink_) spawn(sink_->run());
    try {
        ready();
        supervision_.ready();
    } catch (const std::exception& error) {
        log::error(error.what()); // nobody waits for us any more: end in order, leave no rule
        stop({1, ""});
    }

    boost::system::error_code cancelled;
    if (!ending_) {
        co_await stopped_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    }
    supervision_.stopping();
    if (sink_) sink_->close();
    log::info("Gracefully leaving the fwknopd event loop.");
    if (!ending_->line.empty()) log::info(ending_->line);
    log_.sum_up();
    commands_.begin_stop();
    if (keeper_) {
        const backend_outcome stopped = co_await keeper_->stop();
        if (!stopped.ok()) {
            log::error("Could not clean up the firewall: " + stopped.error);
            ending_->status = 1;
        }
    }
    co_await commands_.finish();
    log::info("Shutting Down fwknopd.");
    context_.stop();
}

// After a fault of ours. Whatever it is, nothing may be left open without somebody to close it.
asio::awaitable<void> service::clean_up() {
    commands_.begin_stop();
    if (backend_) static_cast<void>(co_await backend_->stop());
    co_await commands_.finish();
    context_.stop();
}

int service::run(const std::function<void()>& ready) {
    asio::co_spawn(context_, live(ready), [](const std::exception_ptr& failure) {
        if (failure) std::rethrow_exception(failure);
    });
    try {
        context_.run();
    } catch (const std::exception& error) {
        log::error(std::string{"Internal failure: "} + error.what());
        ending_ = ending{1, ""};
        context_.restart();
        asio::co_spawn(context_, clean_up(), asio::detached);
        context_.run_for(emergency_stop_limit);
    }
    return ending_ ? ending_->status : 1;
}

} // namespace fwknop::daemon
