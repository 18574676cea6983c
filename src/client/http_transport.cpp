// SPDX-License-Identifier: Apache-2.0
#include "client/http_transport.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/verb.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/url/authority_view.hpp>
#include <boost/url/parse.hpp>

#include <algorithm>
#include <sstream>
#include <utility>

namespace http = boost::beast::http;
namespace urls = boost::urls;

namespace fwknop::client {
namespace {

constexpr int http_1_1 = 11;

bool starts_with_scheme(std::string_view text, std::string_view scheme) {
    return text.size() >= scheme.size() &&
           std::equal(scheme.begin(), scheme.end(), text.begin(), [](char a, char b) {
               return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
           });
}

problem no_proxy(std::string_view text, const std::string& why) {
    return failure("Invalid HTTP proxy '" + std::string{text} + "': " + why);
}

/// A host of the command line becomes part of a request here: it must not add lines to it.
checked<void> check_host(const std::string& host) {
    const auto fits = [](char c) { return c > ' ' && c < 0x7f && c != '/' && c != '@'; };
    if (!host.empty() && std::all_of(host.begin(), host.end(), fits)) return {};
    return failure("'" + host + "' cannot be the server of an HTTP request: it is no host name");
}

} // namespace

checked<http_proxy> parse_http_proxy(std::string_view text) {
    constexpr std::string_view scheme = "http://";
    if (text.empty()) return http_proxy{};
    auto rest = text;
    if (starts_with_scheme(rest, scheme)) {
        rest.remove_prefix(scheme.size());
        if (rest.ends_with('/')) rest.remove_suffix(1);
    }
    if (rest.find("://") != rest.npos)
        return no_proxy(text, "only http:// proxies are known, use HOST[:PORT]");
    // More than one colon and no brackets: an address, without a port.
    if (ip_address::parse(rest)) return http_proxy{std::string{rest}, 0};
    const auto authority = urls::parse_authority({rest.data(), rest.size()});
    if (!authority || authority->encoded_host().empty())
        return no_proxy(text, "use HOST[:PORT], with a port of 1-65535");
    if (authority->has_userinfo())
        return no_proxy(text, "a user name or password cannot be sent to it");
    if (authority->has_port() && authority->port_number() == 0)
        return failure("[-] proxy port value is invalid, must be in [1-65535]");
    return http_proxy{authority->host_address(), authority->port_number()};
}

std::string user_agent_or_own(std::string_view given) {
    if (given.empty()) return "Fwknop/" FWKNOP_VERSION;
    return std::string{given.substr(0, max_user_agent_size)};
}

std::string bracketed(const std::string& host) {
    const auto address = ip_address::parse(host);
    return address && address->is_v6() ? '[' + host + ']' : host;
}

checked<http_knock> make_http_knock(const route& way, std::string_view payload) {
    const auto proxy = parse_http_proxy(way.http_proxy);
    if (!proxy) return proxy.error();
    if (const auto fits = check_host(way.host); !fits) return fits.error();
    const bool direct = proxy->host.empty();

    std::string path = "/" + std::string{payload};
    std::replace(path.begin() + 1, path.end(), '+', '-');
    std::replace(path.begin() + 1, path.end(), '/', '_');
    const auto server = bracketed(way.host);
    http::request<http::empty_body> request{http::verb::get,
                                            direct ? path : "http://" + server + path, http_1_1};
    // Beast keeps this order, which servers of the 2.6 line rely on: the agent comes first.
    request.set(http::field::user_agent, user_agent_or_own(way.user_agent));
    request.set(http::field::accept, "*/*");
    request.set(http::field::host, direct ? server : bracketed(proxy->host));
    request.set(http::field::connection, "close");
    std::ostringstream text;
    text << request;
    return http_knock{direct ? way.host : proxy->host,
                      direct || proxy->port == 0 ? way.port : proxy->port, std::move(text).str()};
}

} // namespace fwknop::client
