// SPDX-License-Identifier: Apache-2.0
#include "client/raw_transport.hpp"

#include "client/raw_packet.hpp"
#include "core/crypto/random.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/raw_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

#include <cstring>
#include <string>

#include <netdb.h>
#include <netinet/in.h>

namespace fwknop::client {
namespace {

namespace asio = boost::asio;
using asio::generic::raw_protocol;
using boost::system::error_code;

ip_address address_of(const asio::ip::address& from) {
    return from.is_v4() ? ip_address::v4(from.to_v4().to_bytes())
                        : ip_address::v6(from.to_v6().to_bytes());
}

/// Without a port: the kernel takes that of a raw socket's address for a protocol.
asio::ip::udp::endpoint endpoint_of(const addrinfo& to, std::uint16_t port) {
    asio::ip::udp::endpoint out;
    out.resize(to.ai_addrlen);
    std::memcpy(out.data(), to.ai_addr, to.ai_addrlen);
    out.port(port);
    return out;
}

/// The address that the kernel sends from on its way to `to`. Nothing goes out.
checked<ip_address> own_address(asio::io_context& context, const route& way, const addrinfo& to) {
    asio::ip::udp::socket probe{context};
    const auto there = endpoint_of(to, 9); // any port but 0
    error_code error;
    probe.connect(there, error);
    const auto here = error ? asio::ip::udp::endpoint{} : probe.local_endpoint(error);
    if (error) return failure("cannot reach " + way.host + ": " + error.message());
    return address_of(here.address());
}

problem no_socket(const route& way, const error_code& error) {
    const auto option = std::string{"-P "} + name_of(way.protocol);
    if (error == asio::error::no_permission || error == asio::error::access_denied)
        return failure(option + " needs the right to send raw packets (CAP_NET_RAW): run fwknop as "
                                "root, or once as root: setcap cap_net_raw+ep /path/to/fwknop");
    return failure(option + ": cannot make a raw socket: " + error.message());
}

} // namespace

family_choice family_of(const route& way) noexcept {
    if (!way.spoof_source) return way.family;
    return way.spoof_source->is_v4() ? family_choice::v4_only : family_choice::v6_only;
}

checked<std::size_t> send_raw(const route& way, const addrinfo& to, std::string_view payload) {
    if (payload.size() > max_raw_payload)
        return failure("a packet of " + std::to_string(payload.size()) + " bytes is too long");
    asio::io_context context;
    asio::generic::raw_protocol::socket socket{context};
    error_code error;
    // With this protocol number the kernel expects the IP header from us, for both families.
    socket.open(raw_protocol{to.ai_family, IPPROTO_RAW}, error);
    if (error) return no_socket(way, error);

    const auto there = endpoint_of(to, 0);
    // The kernel would fill in an unspecified address, too late for the checksums.
    const bool spoofed = way.spoof_source && !way.spoof_source->is_unspecified();
    const auto source =
        spoofed ? checked<ip_address>{*way.spoof_source} : own_address(context, way, to);
    if (!source) return source.error();
    const auto packet =
        raw_packet({.protocol = way.protocol,
                    .source = *source,
                    .destination = address_of(there.address()),
                    .source_port = way.source_port,
                    .destination_port = way.port,
                    .icmp_type = way.icmp_type,
                    .icmp_code = way.icmp_code,
                    .echo_identifier = static_cast<std::uint16_t>(crypto::random_below(0x10000)),
                    .identification = static_cast<std::uint16_t>(1 + crypto::random_below(0xffff))},
                   payload);
    const auto sent = socket.send_to(
        asio::buffer(packet),
        raw_protocol::endpoint{there.data(), there.size(), static_cast<int>(IPPROTO_RAW)}, 0,
        error);
    if (error) return failure("cannot send to " + way.host + ": " + error.message());
    return sent;
}

} // namespace fwknop::client
