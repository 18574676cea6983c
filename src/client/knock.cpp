// SPDX-License-Identifier: Apache-2.0
#include "client/knock.hpp"

#include "client/files.hpp"
#include "client/http_transport.hpp"
#include "client/request.hpp"
#include "client/sealer.hpp"
#include "core/crypto/random.hpp"

#include <fwknop/packet.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <ostream>
#include <utility>

namespace fwknop::client {
namespace {

/// Random ports stay out of the range of well-known services.
constexpr std::uint16_t first_random_port = 10000;
constexpr std::uint16_t last_random_port = 65534;

/// The packet went out, but the port of --wait did not open.
constexpr int exit_still_shut = 2;

std::uint16_t random_port() {
    constexpr std::uint32_t count = last_random_port - first_random_port + 1;
    return static_cast<std::uint16_t>(first_random_port + crypto::random_below(count));
}

/// -R: a web server knows.
checked<ip_address> looked_up_address(const settings& from, surroundings& world) {
    const auto query = make_address_query(from);
    if (!query) return query.error();
    if (!query->warning.empty()) world.err << query->warning << '\n';
    auto found = world.find_address(*query);
    if (found && from.verbose > 0)
        world.out << "\n[+] Resolved external IP (via " << query->url
                  << ") as: " << found->to_string() << '\n';
    return found;
}

/// -a may name a host; -R asks; everything else is an address already.
checked<ip_address> allow_address(const settings& from, surroundings& world) {
    if (from.allow_source == allow_from::source) return source_placeholder(from);
    if (from.allow_source == allow_from::nothing) return looked_up_address(from, world);
    if (const auto literal = ip_address::parse(from.allow)) return *literal;
    const auto found = world.resolve(from.allow, from.family);
    if (!found) return failure("Invalid allow IP specified for SPA access: " + found.error().text);
    // Servers of the 2.6 line know IPv4 only, so it is preferred.
    auto best = std::find_if(found->begin(), found->end(),
                             [](const ip_address& address) { return address.is_v4(); });
    if (best == found->end()) best = found->begin();
    if (best == found->end())
        return failure("Invalid allow IP specified for SPA access: '" + from.allow +
                       "' has no address");
    world.err << "[+] Allow IP: " << from.allow << " is " << best->to_string() << '\n';
    return *best;
}

void describe_route(const route& way, std::ostream& out) {
    out << "Generating SPA packet:\n            protocol: " << name_of(way.protocol)
        << "\n         source port: ";
    if (way.source_port == 0)
        out << "<OS assigned>";
    else
        out << way.source_port;
    out << "\n    destination port: " << way.port << "\n             IP/host: " << way.host << '\n';
}

checked<void> save_packet(const settings& from, const sealed_packet& sealed) {
    if (from.save_packet.empty()) return {};
    const auto mode = from.save_packet_append ? write_mode::append : write_mode::replace;
    return write_private_file(from.save_packet, sealed.payload + '\n', mode);
}

/// Nobody chooses a port for headers of our own. ICMP has none; one is printed all the same.
std::uint16_t source_port(const settings& from) {
    return is_raw(from.protocol) && from.source_port == 0 ? random_port() : from.source_port;
}

route route_of(const settings& from) {
    return {.host = from.destination,
            .port = from.random_port ? random_port() : from.port,
            .source_port = source_port(from),
            .protocol = from.protocol,
            .family = from.family,
            .spoof_source = from.spoof_source,
            .icmp_type = from.icmp_type,
            .icmp_code = from.icmp_code,
            .http_proxy = from.http_proxy,
            .user_agent = from.user_agent};
}

/// Everything is known: send the packet, or say that it was not sent.
checked<void> dispatch(const settings& from, const sealed_packet& sealed, surroundings& world) {
    const auto way = route_of(from);
    if (from.verbose > 0) describe_route(way, world.out);
    std::size_t sent = 0;
    if (from.test) {
        if (way.protocol == carrier::http) {
            const auto request = make_http_knock(way, sealed.payload);
            if (!request) return request.error();
            if (from.verbose > 0) world.out << request->text << '\n';
        }
        world.out << "test mode enabled, SPA packet not actually sent.\n";
    } else {
        const auto done = world.send(way, sealed.payload);
        if (!done) return failure(done.error().text + "\nsend_spa_packet: packet not sent.");
        sent = *done;
    }
    if (from.verbose > 0) world.out << "send_spa_packet: bytes sent: " << sent << '\n';
    return {};
}

/// --wait. A packet may be lost, and nobody answers: half-way `again` sends another.
checked<int> wait_until_open(const settings& from, std::uint16_t port, surroundings& world,
                             const std::function<checked<void>()>& again) {
    const door which{from.destination, port, from.family};
    const std::chrono::milliseconds limit = std::chrono::seconds{*from.wait};
    const auto half = limit / 2;
    auto took = world.wait_for_door(which, half);
    if (!took) return took.error();
    if (!*took) {
        if (const auto sent = again(); !sent) return sent.error();
        took = world.wait_for_door(which, limit - half);
        if (!took) return took.error();
        if (*took) **took += half;
    }
    const auto name = "tcp/" + std::to_string(port) + " of " + from.destination;
    if (!*took) {
        world.err << name << " is still shut after " << *from.wait << " s\n";
        return exit_still_shut;
    }
    if (from.verbose > 0) world.out << name << " is open after " << (*took)->count() << " ms\n";
    return EXIT_SUCCESS;
}

} // namespace

checked<int> knock(settings& from, surroundings& world,
                   const std::function<checked<void>()>& save) {
    const auto user = choose_user_name(from.user, world.variable, world.account);
    if (!user) return user.error();
    const auto allow = allow_address(from, world);
    if (!allow) return allow.error();
    const auto asked = build_request(
        from, {*allow, *user, world.now(), from.nat_random_port ? random_port() : std::uint16_t{}});
    if (!asked) return asked.error();
    auto keys = obtain_keys(from, world.readers);
    if (!keys) return keys.error();
    if (!keys->warning.empty()) world.err << keys->warning << '\n';

    const auto note = pass_phrase_note(from);
    if (!note.empty()) world.out << note << '\n';
    const auto cipher = sealer::make(from, std::move(*keys));
    if (!cipher) return cipher.error();
    const auto sealed = cipher->seal(asked->message);
    if (!sealed) return sealed.error();
    world.err << cipher->warnings(*sealed);
    if (from.allow_source == allow_from::source && from.verbose > 0 && !from.test)
        world.err << "[-] WARNING: Should use -a or -R to harden SPA against potential MITM "
                     "attacks\n";

    if (!asked->announcement.empty()) world.out << asked->announcement << '\n';
    if (from.verbose > 0 || from.test) world.out << cipher->describe(*sealed) << '\n';
    if (const auto saved = save(); !saved) return saved.error();
    if (const auto saved = save_packet(from, *sealed); !saved)
        return failure("write_spa_packet_data: " + saved.error().text);
    if (const auto sent = dispatch(from, *sealed, world); !sent) return sent.error();
    if (from.wait && !from.test)
        return wait_until_open(from, asked->tcp_port, world, [&]() -> checked<void> {
            auto fields = asked->message;
            fields.time = world.now() + from.time_offset;
            const auto second = cipher->seal(std::move(fields));
            if (!second) return second.error();
            const auto sent = world.send(route_of(from), second->payload);
            return sent ? checked<void>{} : sent.error();
        });
    if (!from.test) return EXIT_SUCCESS;

    const auto opened = cipher->open(*sealed);
    if (!opened) return opened.error();
    if (from.verbose > 0)
        world.out << "\nDump of the Decoded Data\n" << cipher->describe(*opened) << '\n';
    return EXIT_SUCCESS;
}

} // namespace fwknop::client
