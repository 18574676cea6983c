// SPDX-License-Identifier: Apache-2.0
#include "client/address_query.hpp"

#include "client/http_transport.hpp"
#include "client/request.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/scheme.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>

namespace urls = boost::urls;

namespace fwknop::client {
namespace {

constexpr const char* default_place = "www.cipherdyne.org/cgi-bin/myip";
constexpr std::uint16_t https_port = 443;
constexpr std::uint16_t http_port = 80;

/// What wget of Debian 12 calls itself, for servers that answer by that.
constexpr const char* wget_user_agent = "Wget/1.21.3";

problem no_url(const std::string& given, const std::string& why) {
    return failure("Invalid --resolve-url '" + given + "': " + why);
}

/// The part of the query that the URL says.
checked<void> read_url(address_query& to, const std::string& given, const std::string& whole) {
    const auto parsed = urls::parse_uri(whole);
    if (!parsed) return no_url(given, "it is not a URL, use https://HOST[:PORT]/PATH");
    const auto scheme = parsed->scheme_id();
    if (scheme != urls::scheme::https && scheme != urls::scheme::http)
        return no_url(given, "only https is known (and http with --resolve-http-only)");
    if (parsed->has_userinfo())
        return no_url(given, "a user name or password cannot be sent to it");
    to.tls = scheme == urls::scheme::https;
    to.host = parsed->host_address();
    const auto printable = [](char c) { return c > ' ' && c < 0x7f; };
    if (to.host.empty() || !std::all_of(to.host.begin(), to.host.end(), printable))
        return no_url(given, "it names no host, use https://HOST[:PORT]/PATH");
    to.port = 0; // the scheme's
    if (parsed->has_port() && !parsed->port().empty()) {
        to.port = parsed->port_number();
        if (to.port == 0)
            return failure("[*] resolve-url port value is invalid, must be in [1-65535]");
    }
    to.target = std::string{parsed->encoded_target()};
    // Boost 1.81 takes the letters of a port for a path.
    if (!parsed->encoded_path().empty() && !to.target.starts_with('/'))
        return no_url(given, "it is not a URL, use https://HOST[:PORT]/PATH");
    if (!to.target.starts_with('/')) to.target.insert(0, 1, '/');
    return {};
}

} // namespace

checked<address_query> make_address_query(const settings& from) {
    const bool plain = from.resolve_http_only;
    const std::string own_scheme = plain ? "http://" : "https://";
    const auto& given = from.resolve_url;
    auto whole = given.empty() ? own_scheme + default_place : given;
    const bool has_scheme = whole.find("://") != whole.npos;
    if (!has_scheme) whole.insert(0, own_scheme);

    address_query query;
    if (const auto done = read_url(query, given, whole); !done) return done.error();
    if (plain && query.tls)
        return failure("[*] https is not supported for --resolve-http-only: leave that out to ask "
                       "'" +
                       given + "'.");
    if (plain)
        query.warning = "[-] WARNING: --resolve-http-only asks for our address over plain HTTP: "
                        "whoever is on the path can change the answer.";
    else if (!query.tls || !has_scheme)
        query.warning = "[-] Warning: IP resolution URL '" + given +
                        "' should begin with 'https://' in -R mode. It is asked over HTTPS.";
    query.tls = !plain;
    const auto usual_port = plain ? http_port : https_port;
    if (query.port == 0) query.port = usual_port;

    query.url = own_scheme + bracketed(query.host);
    if (query.port != usual_port) query.url += ':' + std::to_string(query.port);
    query.url += query.target;
    query.family = source_placeholder(from).is_v6() ? family_choice::v6_only : from.family;
    query.user_agent = from.wget_user_agent ? wget_user_agent : user_agent_or_own(from.user_agent);
    return query;
}

} // namespace fwknop::client
