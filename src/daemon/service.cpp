// SPDX-License-Identifier: Apache-2.0
#include "daemon/service.hpp"

#include "core/spa/text.hpp"
#include "daemon/firewall_setup.hpp"
#include "daemon/log.hpp"
#include "firewall/grant_log.hpp"
#include "firewall/helper_access.hpp"
#include "firewall/tear_down.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <csignal>
#include <exception>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace fwknop::daemon {

namespace asio = boost::asio;

namespace {

/// How often, near the end, it is looked at what is still under way or open.
constexpr std::chrono::milliseconds expiry_poll{20};

/// For closing everything after an internal failure.
constexpr std::chrono::seconds emergency_stop_limit{10};

std::optional<std::uint64_t> parse_packet_limit(const std::optional<std::string>& text) {
    if (!text) return std::nullopt;
    const auto limit = parse_digits<std::uint64_t>(*text);
    if (!limit || *limit == 0) {
        throw std::runtime_error{"[*] --packet-limit value '" + *text +
                                 "' is not a number above zero"};
    }
    return limit;
}

// A daemon changes to /: what is relative now would be somewhere else at a reload.
options with_absolute_paths(options given) {
    for (auto* const path : {&given.config_file, &given.access_file, &given.access_folder})
        if (*path) **path = std::filesystem::absolute(**path);
    if (!given.override_config) return given;
    std::string all;
    std::istringstream paths{*given.override_config};
    for (std::string path; std::getline(paths, path, ',');)
        if (!path.empty())
            all += (all.empty() ? "" : ",") + std::filesystem::absolute(path).string();
    given.override_config = all;
    return given;
}

std::string signal_name(int number) {
    return number == SIGINT ? "SIGINT" : "SIGTERM";
}

} // namespace

service::service(options given, configuration config, service_manager manager, helper& starter,
                 helper_rules may_start)
    : given_{with_absolute_paths(std::move(given))}
    , test_mode_{given_.test}
    , may_start_{std::move(may_start)}
    , rules_{std::make_shared<rulebook>(std::move(config))}
    , packet_limit_{parse_packet_limit(given_.packet_limit)}
    , signals_{context_, SIGTERM, SIGINT, SIGHUP}
    , stopped_{context_, asio::steady_timer::time_point::max()}
    , summary_timer_{context_}
    , drops_timer_{context_}
    , replays_{replay_store::open(rules_->server().digest_file,
                                  forget_before(rules_->server(), read_clocks().wall),
                                  rules_->server().digest_persistence && !test_mode_)}
    , compacted_{read_clocks().wall}
    , pipeline_{rules_, replays_, log_,
                [this](const attempt& granted, const datagram& packet) { open(granted, packet); },
                test_mode_,
                [this](const gpg_settings& how, const gpg_envelope& what,
                       std::function<void(gpg_desk::answer)> done) {
                    ask_gpg(how, what, std::move(done));
                },
                // After this turn, whichever of its packets came first.
                [this] { asio::post(context_, [this] { pipeline_.commit(); }); }}
    , supervision_{context_.get_executor(), std::move(manager),
                   [this] {
                       return status_line(pipeline_.counters(),
                                          keeper_ ? keeper_->grants().size() : 0);
                   }}
    , reporter_{[this] { supervision_.changed(); }}
    , commands_{context_.get_executor()}
    , sources_{context_, pipeline_, rules_, hooks_for_sources()} {
    signals_.add(SIGUSR1);
    signals_.add(SIGUSR2);
    helper_access::begin(context_, starter.take_requests(), [this] { helper_ended(); });
    const auto trial_length = parse_trial(given_.trial);
    if (!test_mode_ && std::ranges::any_of(rules_->stanzas(), opens_ports)) {
        translates_sources_ = translates_sources(rules_->stanzas());
        const backend_choice chosen = choose_backend(rules_->server());
        log::info("Packet filter: " + std::string{name_of(chosen.kind)} + " (" + chosen.reason +
                  ")");
        if (const auto wrong = misplaced_directive(chosen.kind, rules_->server()))
            throw std::runtime_error{"[*] " + *wrong};
        backend_ = make_backend(chosen.kind, rules_->server(), translates_sources_);
        rules_stay_ = !flushes_at_exit(chosen.kind, rules_->server());
        reporter_.use(backend_->wording());
        keeper_.emplace(context_.get_executor(), *backend_, reporter_);
    }
    if (!trial_length) return;
    if (!backend_)
        throw std::runtime_error{"--trial is of no use where no ports are opened: with --test, or "
                                 "where all stanzas have command cycles"};
    trial_.emplace(context_.get_executor(), *trial_length, *backend_);
}

source_hooks service::hooks_for_sources() {
    return {.turn_limit = [this] { return turn_limit(); },
            .after_turn = [this](std::size_t packets) { after_turn(packets); },
            .file_ended = [this] { asio::co_spawn(context_, finish_file(), asio::detached); },
            .failed =
                [this](const std::string& reason) {
                    stop({1, reason});
                }};
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

void service::ask_gpg(const gpg_settings& how, const gpg_envelope& what,
                      std::function<void(gpg_desk::answer)> done) {
    asio::co_spawn(
        context_, decrypt_in_child(gpg_request(how, what.messages), {.engine = how.program}),
        [done = std::move(done)](const std::exception_ptr& failure, gpg_desk::answer answer) {
            if (failure) answer = gpg::failure{gpg::failure_kind::internal, "cancelled"};
            done(std::move(answer));
        });
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
    sources_.stop();
    pipeline_.close();
    stopped_.cancel();
}

// Nothing can be opened or closed any more without it; whoever watches over us starts both again.
void service::helper_ended() {
    if (ending_) return;
    log::error(
        "[*] The helper process, which runs programs for fwknopd, has ended or hangs. What is open "
        "in a packet filter that is changed by programs stays open until fwknopd starts again");
    stop({1, "Lost the helper process. Exiting..."});
}

// Packets that may be handled before timers, children and other sources have their turn.
std::size_t service::turn_limit() const {
    const std::uint64_t limit = rules_->server().pcap_dispatch_count;
    return packet_limit_ ? std::min(limit, *packet_limit_ - packets_) : limit;
}

// After some packets: what must not be done for each of them.
void service::after_turn(std::size_t packets) {
    packets_ += packets;
    supervision_.changed();
    if (packet_limit_ && packets_ >= *packet_limit_ && !limit_reached_) {
        limit_reached_ = true;
        log::info("* Incoming packet count limit of " + std::to_string(*packet_limit_) +
                  " reached");
        sources_.stop();
        asio::co_spawn(context_, stop_at_limit(), asio::detached);
    }
    if (!summary_armed_ && log_.summary_due()) {
        summary_armed_ = true;
        asio::co_spawn(context_, write_summary(), asio::detached);
    }
    // Only who does not empty the kernel's buffer loses packets.
    if (!drops_armed_ && packets >= rules_->server().pcap_dispatch_count) {
        drops_armed_ = true;
        asio::co_spawn(context_, watch_drops(), asio::detached);
    }
    compact_replays();
}

// What came before the limit is still decided.
asio::awaitable<void> service::stop_at_limit() {
    asio::steady_timer timer{context_};
    while (pipeline_.waiting() != 0) {
        timer.expires_after(expiry_poll);
        co_await timer.async_wait(asio::use_awaitable);
    }
    stop({0, "Packet count limit (" + std::to_string(*packet_limit_) + ") reached. Exiting..."});
}

// A capture file is at its end.
asio::awaitable<void> service::finish_file() {
    // What was asked for is opened first; and rules that nobody is told to flush must still expire.
    asio::steady_timer timer{context_};
    while (pipeline_.waiting() != 0 || commands_.busy() ||
           (keeper_ && (names_.running() != 0 || keeper_->busy() ||
                        (rules_stay_ && !keeper_->grants().empty())))) {
        timer.expires_after(expiry_poll);
        co_await timer.async_wait(asio::use_awaitable);
    }
    stop({0, ""});
}

asio::awaitable<void> service::watch_signals() {
    for (;;) {
        const int number = co_await signals_.async_wait(asio::use_awaitable);
        if (number == SIGHUP) {
            reload();
            continue;
        }
        if (number == SIGUSR1) {
            write_status();
            continue;
        }
        if (number == SIGUSR2) {
            confirm_trial();
            continue;
        }
        if (memory_reserve::is_used()) {
            log::error("[*] Out of memory: fwknopd ends while there is enough left to close the "
                       "firewall. Give it more, or see what takes so much");
            stop({1, ""});
            co_return;
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
    if (rules_->server().ipt_comment_check && backend_->name() == "iptables")
        log::info("iptables 'comment' match is available");
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
    // Without it the daemon would be alive and deaf: its failure ends everything.
    asio::co_spawn(context_, watch_signals(), [](const std::exception_ptr& failure) {
        if (failure) std::rethrow_exception(failure);
    });
    if (keeper_ && !co_await start_firewall()) {
        co_await keeper_->stop();
        ending_ = ending{1, ""};
        context_.stop();
        co_return;
    }

    // The daemon ends with it: one that protects nothing would look as if it did.
    if (trial_)
        trial_->begin(*keeper_, [this] {
            stop({0, "Trial: nobody confirmed it in time, ports are not hidden any more. "
                     "Exiting..."});
        });
    sources_.announce();
    for (const auto& warning : replays_.warnings()) log::warning(warning);
    log::debug("Using Digest Cache: '" + rules_->server().digest_file +
               "' (entry count = " + std::to_string(replays_.size()) + ")");
    sources_.start();
    running_ = true;
    try {
        ready();
        supervision_.ready();
    } catch (const std::exception& error) {
        log::error(error.what()); // nobody waits for us any more: end in order, leave no rule
        stop({1, ""});
    }

    boost::system::error_code cancelled;
    if (!ending_) {
        log::info("Starting fwknopd main event loop.");
        co_await stopped_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    }
    supervision_.stopping();
    log::info("Gracefully leaving the fwknopd event loop.");
    if (!ending_->line.empty()) log::info(ending_->line);
    log_.sum_up();
    report_drops();
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
    if (backend_) {
        const backend_outcome done = co_await tear_down(*backend_);
        if (!done.ok()) log::error("Could not clean up the firewall: " + done.error);
    }
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
