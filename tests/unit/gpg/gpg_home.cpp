// SPDX-License-Identifier: Apache-2.0
#include "gpg_home.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace fwknop::test {

namespace {

std::string run(const std::string& command) {
    std::string out;
    FILE* const pipe = ::popen((command + " 2>&1").c_str(), "re");
    REQUIRE(pipe != nullptr);
    std::array<char, 4096> buffer{};
    while (const auto count = std::fread(buffer.data(), 1, buffer.size(), pipe))
        out.append(buffer.data(), count);
    INFO(command << '\n' << out);
    REQUIRE(::pclose(pipe) == 0);
    return out;
}

// The last fingerprint of a key listing: the newest part.
std::string last_fingerprint(const std::string& listing) {
    const auto line = listing.rfind("\nfpr:");
    REQUIRE(line != std::string::npos);
    const auto end = listing.find_last_not_of(":\n", listing.find('\n', line + 1));
    return listing.substr(listing.rfind(':', end) + 1, 40);
}

} // namespace

gpg_home::gpg_home() {
    std::string name = "/tmp/fwgpg-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
    configure("gpg-agent.conf", "default-cache-ttl 0\nmax-cache-ttl 0");
}

gpg_home::~gpg_home() {
    const auto ended = std::system(("gpgconf --homedir " + path_ + " --kill all").c_str());
    (void)ended;
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string gpg_home::gpg(const std::string& words) const {
    return run("gpg --homedir " + path_ + " --batch --no-tty --quiet --pinentry-mode loopback " +
               words);
}

std::string gpg_home::make_key(const std::string& mail, const std::string& algorithm,
                               const std::string& pass_phrase) const {
    gpg("--passphrase '" + pass_phrase + "' --quick-generate-key '<" + mail + ">' " + algorithm +
        " sign never");
    return last_fingerprint(gpg("--with-colons --list-keys " + mail));
}

std::string gpg_home::add_part(const std::string& fingerprint, const std::string& algorithm,
                               const std::string& usage, const std::string& pass_phrase) const {
    gpg("--passphrase '" + pass_phrase + "' --quick-add-key " + fingerprint + " " + algorithm +
        " " + usage + " never");
    return last_fingerprint(
        gpg("--with-colons --with-subkey-fingerprints --list-keys " + fingerprint));
}

std::string gpg_home::make_pair(const std::string& mail, const std::string& pass_phrase) const {
    auto primary = make_key(mail, "ed25519", pass_phrase);
    add_part(primary, "cv25519", "encrypt", pass_phrase);
    return primary;
}

void gpg_home::give_public(const std::string& name, const gpg_home& to) const {
    gpg("--output " + to.path() + "/from --export " + name);
    to.gpg("--import " + to.path() + "/from");
    std::filesystem::remove(to.path() + "/from");
}

void gpg_home::stop_agent() const {
    run("gpgconf --homedir " + path_ + " --kill all");
}

void gpg_home::configure(const std::string& file, std::string_view line) const {
    std::ofstream{path_ + '/' + file, std::ios::app} << line << '\n';
}

} // namespace fwknop::test
