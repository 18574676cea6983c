// SPDX-License-Identifier: Apache-2.0
#include "client/options.hpp"

#include <array>

namespace fwknop::client {
namespace {

constexpr auto flag = option_kind::flag;
constexpr auto value = option_kind::value;
constexpr auto secret = option_kind::secret;
using s = settings;

constexpr std::array rows{
    // What to ask for
    option_row{"named-config", 'n', value, set_text<&s::stanza>, "NAME",
               "take values from this stanza of the rc file; other options override them"},
    option_row{"access", 'A', value, set_text<&s::access>, "LIST",
               "protocols and ports to open, e.g. tcp/22,udp/1194"},
    option_row{"allow-ip", 'a', value, set_allow_address_or_name, "IP",
               "the address to open them for"},
    option_row{"source-ip", 's', flag, set_allow_source, "",
               "open them for whatever source address the packet has on arrival (not recommended: "
               "whoever intercepts the packet can use it)"},
    option_row{"resolve-ip-https", 'R', flag, set_flag<&s::resolve>, "",
               "find out the address with an HTTPS request"},
    option_row{"resolve-ip-http", 0, flag, set_flag<&s::resolve>, "", ""},
    option_row{"resolve-url", 0, value, nullptr, "URL", "the URL to ask for the address"},
    option_row{"resolve-http-only", 0, flag, nullptr, "", "ask over plain HTTP"},
    option_row{"destination", 'D', value, set_text<&s::destination>, "HOST",
               "name or address of the server"},
    option_row{"server-cmd", 'C', value, set_text<&s::command>, "COMMAND",
               "ask the server to run a command instead"},
    option_row{"fw-timeout", 'f', value, set_number<&s::timeout, 0, 65536>, "SECONDS",
               "how long the ports shall stay open"},
    option_row{"nat-access", 'N', value, set_text<&s::nat_access>, "IP:PORT",
               "forward the port to this internal service"},
    option_row{"nat-local", 0, flag, set_flag<&s::nat_local>, "",
               "forward to a service on the server itself"},
    option_row{"nat-port", 0, value, set_number<&s::nat_port, 0, 65535>, "PORT",
               "the port that is forwarded"},
    option_row{"nat-rand-port", 0, flag, set_flag<&s::nat_random_port>, "",
               "the same, chosen at random"},
    option_row{"spoof-user", 'U', value, set_text<&s::user>, "USER", "user name in the packet"},
    option_row{"time-offset-plus", 0, value, set_time_offset_plus, "TIME",
               "add to the packet's time, e.g. 60sec, 5min, 2hours, 1days"},
    option_row{"time-offset-minus", 0, value, set_time_offset_minus, "TIME",
               "subtract from the packet's time"},
    // How to send it
    option_row{"server-port", 'p', value, set_number<&s::port, 0, 65535>, "PORT",
               "destination port (default 62201)"},
    option_row{"server-proto", 'P', value, set_protocol, "PROTO", "udp (default) or tcp"},
    option_row{"source-port", 'S', value, set_number<&s::source_port, 0, 65535>, "PORT",
               "source port (default: the operating system chooses)"},
    option_row{"rand-port", 'r', flag, set_flag<&s::random_port>, "",
               "send to a random port, 10000 to 65534"},
    option_row{"ipv4", '4', flag, set_v4_only, "", "use the server's IPv4 address"},
    option_row{"ipv6", '6', flag, set_v6_only, "", "use the server's IPv6 address"},
    option_row{"server-resolve-ipv4", 0, flag, set_v4_only, "", "the same as -4"},
    option_row{"spoof-source", 'Q', value, nullptr, "IP", "source address of raw packets"},
    option_row{"spoof-src", 0, value, nullptr, "IP", ""},
    option_row{"icmp-type", 0, value, nullptr, "N", "ICMP type of raw packets"},
    option_row{"icmp-code", 0, value, nullptr, "N", "ICMP code of raw packets"},
    option_row{"http-proxy", 'H', value, nullptr, "HOST[:PORT]", "send through an HTTP proxy"},
    option_row{"user-agent", 'u', value, nullptr, "TEXT", "User-Agent of HTTP requests"},
    option_row{"use-wget-user-agent", 0, flag, nullptr, "", "use that of wget"},
    option_row{"wget-cmd", 'w', value, nullptr, "FILE", "path of wget"},
    option_row{"wait", 0, flag, nullptr, "", "wait until the port is open"},
    // Keys and algorithms
    option_row{"get-key", 'G', value, set_text<&s::key_file>, "FILE",
               "read the encryption key from lines <server>: <key>"},
    option_row{"get-hmac-key", 0, value, set_text<&s::hmac_key_file>, "FILE",
               "the same for the HMAC key"},
    option_row{"stdin", 0, flag, set_stdin, "", "read keys from standard input, one a line"},
    option_row{"fd", 0, value, set_key_descriptor, "N",
               "read keys from this file descriptor, one a line"},
    option_row{"key-rijndael", 0, secret, set_key, "KEY",
               "the encryption key; others can see it for a moment (ps)"},
    option_row{"key-base64-rijndael", 0, secret, set_key_base64, "KEY", "the same in base64"},
    option_row{"key-hmac", 0, secret, set_hmac_key, "KEY",
               "the HMAC key; others can see it for a moment (ps)"},
    option_row{"key-base64-hmac", 0, secret, set_hmac_key_base64, "KEY", "the same in base64"},
    option_row{"use-hmac", 0, flag, set_flag<&s::use_hmac>, "",
               "sign the packet, asking for the HMAC key if none is given"},
    option_row{"hmac-digest-type", 0, value, set_hmac_digest_type, "TYPE",
               "md5, sha1, sha256 (default), sha384, sha512, sha3_256 or sha3_512"},
    option_row{"digest-type", 'm', value, set_digest_type, "TYPE",
               "digest inside the packet; the same choice"},
    option_row{"encryption-mode", 'M', value, set_encryption_mode, "MODE",
               "CBC (default), CTR, CFB, OFB, ECB or legacy"},
    option_row{"key-gen", 'k', flag, set_flag<&s::key_gen>, "",
               "print new encryption and HMAC keys"},
    option_row{"key-gen-file", 'K', value, set_key_gen_file, "FILE", "write them to a file"},
    option_row{"key-len", 0, value, set_number<&s::key_size, 1, 32>, "BYTES",
               "length of a new encryption key, 1 to 32"},
    option_row{"hmac-key-len", 0, value, set_number<&s::hmac_key_size, 1, 128>, "BYTES",
               "length of a new HMAC key, 1 to 128"},
    option_row{"gpg-encryption", 'g', flag, nullptr, "", "encrypt with GPG"},
    option_row{"gpg-recipient-key", 0, value, nullptr, "KEY", "the server's GPG key"},
    option_row{"gpg-recipient", 0, value, nullptr, "KEY", ""},
    option_row{"gpg-signer-key", 0, value, nullptr, "KEY", "the GPG key to sign with"},
    option_row{"gpg-home-dir", 0, value, nullptr, "DIR", "the GPG home directory"},
    option_row{"gpg-exe", 0, value, nullptr, "FILE", "path of gpg"},
    option_row{"gpg-agent", 0, flag, nullptr, "", "leave the pass phrase to gpg-agent"},
    option_row{"gpg-no-signing-pw", 0, flag, nullptr, "", "the signing key has no pass phrase"},
    // Files and output
    option_row{"rc-file", 0, value, set_text<&s::rc_file>, "FILE",
               "the rc file (default ~/.fwknoprc)"},
    option_row{"no-rc-file", 0, flag, set_flag<&s::no_rc_file>, "", "read no rc file"},
    option_row{"no-home-dir", 0, flag, set_flag<&s::no_home_dir>, "",
               "do not look for the home directory"},
    option_row{"stanza-list", 0, flag, set_flag<&s::stanza_list>, "",
               "list the stanzas of the rc file"},
    option_row{"save-rc-stanza", 0, flag, nullptr, "", "save the options in the rc file"},
    option_row{"force-stanza", 0, flag, nullptr, "", "replace keys there without asking"},
    option_row{"save-args-file", 'E', value, set_text<&s::args_file>, "FILE",
               "where the command line is kept (default ~/.fwknop.run)"},
    option_row{"no-save-args", 0, flag, set_flag<&s::no_save_args>, "",
               "do not keep the command line"},
    option_row{"last-cmd", 'l', flag, set_flag<&s::last_command>, "",
               "run with the command line that was kept"},
    option_row{"show-last", 0, flag, set_flag<&s::show_last>, "", "show it"},
    option_row{"save-packet", 'B', value, set_text<&s::save_packet>, "FILE",
               "write the packet to a file as well"},
    option_row{"save-packet-append", 'b', flag, set_flag<&s::save_packet_append>, "",
               "append to that file"},
    option_row{"test", 'T', flag, set_flag<&s::test>, "",
               "make the packet, check it, send nothing"},
    option_row{"verbose", 'v', flag, add_verbose, "", "say more; may be repeated"},
    option_row{"version", 'V', flag, set_flag<&s::version>, "", "print the version"},
    option_row{"help", 'h', flag, set_flag<&s::help>, "", "print this"},
};

} // namespace

std::span<const option_row> option_table() noexcept {
    return rows;
}

} // namespace fwknop::client
