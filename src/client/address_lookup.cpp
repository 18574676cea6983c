// SPDX-License-Identifier: Apache-2.0
#include "client/address_lookup.hpp"

#include "client/address_text.hpp"
#include "client/http_transport.hpp"
#include "client/transport.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <openssl/ssl.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <future>
#include <thread>
#include <utility>
#include <vector>

// The attack: an answer that keeps us waiting, fills our memory, leads us elsewhere, comes from
// somebody else, or writes to the terminal. Hence one deadline, one size, no redirects, a verified
// certificate, and nothing of the answer printed but an address and a cleaned Location.

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace fwknop::client {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::chrono::seconds time_limit{10};

/// An address needs 45 bytes; a page with a word around it still fits.
constexpr std::size_t max_body_size = 4096;
constexpr std::uint32_t max_header_size = 8192;
constexpr std::size_t max_location_size = 200;
constexpr int http_1_1 = 11;

// GCC 12 destroys temporaries of a co_await expression twice: tokens have a name.
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

std::string explain(const error_code& error) {
    if (error == beast::error::timeout)
        return "no answer within " + std::to_string(time_limit.count()) + " seconds";
    if (error == http::error::body_limit)
        return "the answer is longer than " + std::to_string(max_body_size) + " bytes";
    if (error == http::error::end_of_stream || error == http::error::partial_message ||
        error == asio::ssl::error::stream_truncated)
        return "the connection ended before the answer did";
    if (error.category() == http::make_error_code(http::error::bad_version).category())
        return "the answer is not HTTP (" + error.message() + ")";
    return error.message();
}

/// The name service has no limit of its own that could be set, so it is left behind when it is
/// late.
checked<std::vector<ip_address>> resolve_until(const address_query& query,
                                               clock::time_point deadline) {
    using answer = checked<std::vector<ip_address>>;
    std::packaged_task<answer()> task{
        [host = query.host, family = query.family] { return resolve_host(host, family); }};
    auto found = task.get_future();
    std::thread{std::move(task)}.detach();
    if (found.wait_until(deadline) != std::future_status::ready)
        return failure("no answer from the name service within " +
                       std::to_string(time_limit.count()) + " seconds");
    auto addresses = found.get();
    if (addresses)
        std::stable_partition(addresses->begin(), addresses->end(),
                              [](const ip_address& each) { return each.is_v4(); });
    return addresses;
}

asio::awaitable<checked<beast::tcp_stream>>
connect(const address_query& query, std::vector<ip_address> addresses, clock::time_point deadline) {
    const auto executor = co_await asio::this_coro::executor;
    auto left = static_cast<int>(addresses.size());
    std::string last = "the host has no address";
    for (const auto& address : addresses) {
        beast::tcp_stream stream{executor};
        // A silent address leaves time for the others.
        const auto now = clock::now();
        stream.expires_at(now + (deadline - now) / left--);
        const tcp::endpoint to{asio::ip::make_address(address.to_string()), query.port};
        const auto [error] = co_await stream.async_connect(to, as_result);
        if (!error) co_return checked<beast::tcp_stream>{std::move(stream)};
        last = "cannot connect to " + address.to_string() + " port " + std::to_string(query.port) +
               ": " + explain(error);
    }
    co_return checked<beast::tcp_stream>{boost::system::in_place_error, failure(last)};
}

/// One line of the answer as it may be shown on a terminal.
std::string printable(std::string_view text) {
    std::string clean{text.substr(0, max_location_size)};
    std::replace_if(
        clean.begin(), clean.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return clean;
}

checked<void> check_status(const http::response<http::string_body>& answer) {
    const auto code = answer.result_int();
    if (code == 200) return {};
    const auto location = answer[http::field::location];
    if (http::to_status_class(code) == http::status_class::redirection && !location.empty())
        return failure("it redirects (" + std::to_string(code) + ") to '" + printable(location) +
                       "', which is not followed; if you trust that place, give it to "
                       "--resolve-url");
    return failure("it answers with status " + std::to_string(code) + " instead of 200");
}

/// `stream` is connected, and has its deadline.
template <class Stream>
asio::awaitable<checked<ip_address>> ask(Stream& stream, const address_query& query) {
    http::request<http::empty_body> request{http::verb::get, query.target, http_1_1};
    const auto usual_port = query.tls ? 443 : 80;
    request.set(http::field::user_agent, query.user_agent);
    request.set(http::field::accept, "*/*");
    request.set(http::field::host, query.port == usual_port
                                       ? bracketed(query.host)
                                       : bracketed(query.host) + ':' + std::to_string(query.port));
    request.set(http::field::connection, "close");
    const auto [write_error, written] = co_await http::async_write(stream, request, as_result);
    if (write_error) co_return failure(explain(write_error));

    beast::flat_buffer buffer{max_header_size + max_body_size};
    http::response_parser<http::string_body> parser;
    parser.header_limit(max_header_size);
    parser.body_limit(max_body_size);
    const auto [header_error, header_size] =
        co_await http::async_read_header(stream, buffer, parser, as_result);
    if (parser.is_header_done())
        if (const auto good = check_status(parser.get()); !good) co_return good.error();
    if (header_error) co_return failure(explain(header_error));
    const auto [body_error, body_size] =
        co_await http::async_read(stream, buffer, parser, as_result);
    if (body_error) co_return failure(explain(body_error));
    co_return address_in(parser.get().body(), query.family);
}

asio::ssl::context make_tls() {
    using asio::ssl::context;
    context tls{context::tls_client};
    tls.set_options(context::default_workarounds | context::no_sslv2 | context::no_sslv3 |
                    context::no_tlsv1 | context::no_tlsv1_1);
    tls.set_default_verify_paths();
    tls.set_verify_mode(asio::ssl::verify_peer);
    return tls;
}

/// Whom the certificate has to be for. An address is not sent as a server name.
bool expect_host(SSL& tls, const std::string& host) {
    if (ip_address::parse(host))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(&tls), host.c_str()) == 1;
    SSL_set_hostflags(&tls, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(&tls, host.c_str()) == 1 &&
           SSL_set_tlsext_host_name(&tls, host.c_str()) == 1;
}

std::string explain_handshake(SSL& tls, const error_code& error, const std::string& host) {
    const auto verdict = SSL_get_verify_result(&tls);
    if (verdict == X509_V_OK) return "no TLS connection: " + explain(error);
    if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH)
        return "the server's certificate is not for '" + host + "'";
    return std::string{"the server's certificate is not trusted: "} +
           X509_verify_cert_error_string(verdict);
}

asio::awaitable<checked<ip_address>>
ask_over_tls(beast::tcp_stream socket, const address_query& query, asio::ssl::context& tls) {
    beast::ssl_stream<beast::tcp_stream> stream{std::move(socket), tls};
    if (!expect_host(*stream.native_handle(), query.host))
        co_return failure("OpenSSL cannot verify a certificate for this host");
    const auto [error] = co_await stream.async_handshake(asio::ssl::stream_base::client, as_result);
    if (error) co_return failure(explain_handshake(*stream.native_handle(), error, query.host));
    co_return co_await ask(stream, query);
}

asio::awaitable<checked<ip_address>> look_up(const address_query& query,
                                             std::vector<ip_address> addresses,
                                             clock::time_point deadline, asio::ssl::context& tls) {
    auto connected = co_await connect(query, std::move(addresses), deadline);
    if (!connected) co_return connected.error();
    connected->expires_at(deadline);
    if (query.tls) co_return co_await ask_over_tls(std::move(*connected), query, tls);
    co_return co_await ask(*connected, query);
}

checked<ip_address> fetch(const address_query& query) {
    const auto deadline = clock::now() + time_limit;
    auto addresses = resolve_until(query, deadline);
    if (!addresses) return addresses.error();
    auto tls = make_tls();
    asio::io_context context{1};
    checked<ip_address> answer = failure("nothing was asked");
    std::exception_ptr broken;
    asio::co_spawn(context, look_up(query, std::move(*addresses), deadline, tls),
                   [&](std::exception_ptr error, checked<ip_address> found) {
                       broken = std::move(error);
                       answer = std::move(found);
                   });
    context.run();
    if (broken) std::rethrow_exception(broken);
    return answer;
}

} // namespace

checked<ip_address> fetch_address(const address_query& query) {
    auto found = fetch(query);
    if (found) return found;
    return failure("[-] Could not resolve IP via: '" + query.url + "': " + found.error().text);
}

} // namespace fwknop::client
