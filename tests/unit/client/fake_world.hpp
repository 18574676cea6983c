// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arguments.hpp"
#include "client/files.hpp"
#include "client/run.hpp"
#include "temporary_folder.hpp"

#include <fwknop/packet.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fwknop::client::test {

/// A world without network, terminal or clock; files go to a folder of the test's own.
struct fake_world {
    test::temporary_folder home;
    std::map<std::string, std::string, std::less<>> variables{{"HOME", home.path().string()}};
    std::ostringstream out;
    std::ostringstream err;
    std::vector<std::pair<route, std::string>> sent;
    std::optional<problem> send_fails;
    std::vector<address_query> asked;
    std::optional<ip_address> answer; ///< of the web server that is asked for our address
    std::vector<std::pair<door, std::chrono::milliseconds>> waited;
    std::size_t opens_at = 1; ///< which of the waits ends well, 0 for none
    bool terminal = false;
    bool yes = false;
    std::vector<std::string> questions;

    int run(std::vector<std::string> words) {
        const arguments given{std::move(words)};
        out.str("");
        err.str("");
        surroundings world{
            .variable = [this](std::string_view name) -> std::optional<std::string> {
                const auto found = variables.find(name);
                return found == variables.end() ? std::nullopt : std::optional{found->second};
            },
            .now = [] { return std::int64_t{1'700'000'000}; },
            .account = "alice",
            .readers = {.file = [](const std::string& path) { return read_secret_file(path); },
                        .line = [](int) { return std::optional<secret_bytes>{}; },
                        .prompt = [](std::string_view) { return std::optional<secret_bytes>{}; },
                        .command = [](const std::string& command) -> checked<secret_bytes> {
                            if (command != "pass show x") return failure("KEY_COMMAND: no");
                            return secret_bytes::from_text("abc");
                        }},
            .send = [this](const route& way, std::string_view payload) -> checked<std::size_t> {
                if (send_fails) return *send_fails;
                sent.emplace_back(way, payload);
                return payload.size();
            },
            .resolve = [](const std::string& host,
                          family_choice) -> checked<std::vector<ip_address>> {
                if (host != "host.example") return failure("error in getaddrinfo: unknown");
                return std::vector{*ip_address::parse("2001:db8::7"),
                                   *ip_address::parse("192.0.2.7")};
            },
            .find_address = [this](const address_query& query) -> checked<ip_address> {
                asked.push_back(query);
                if (!answer) return failure("[-] Could not resolve IP via: '" + query.url + "'");
                return *answer;
            },
            .wait_for_door = [this](const door& which, std::chrono::milliseconds limit)
                -> checked<std::optional<std::chrono::milliseconds>> {
                waited.emplace_back(which, limit);
                if (opens_at == waited.size()) return std::optional{std::chrono::milliseconds{7}};
                return std::optional<std::chrono::milliseconds>{};
            },
            .confirm =
                [this](std::string_view question) {
                    questions.emplace_back(question);
                    return yes;
                },
            .terminal = terminal,
            .out = out,
            .err = err};
        return client::run(given.argv(), world);
    }

    int knock(std::vector<std::string> more) {
        std::vector<std::string> words{"-A", "tcp/22",         "-a",  "192.0.2.7",  "-D",
                                       "h",  "--key-rijndael", "abc", "--key-hmac", "def"};
        words.insert(words.end(), more.begin(), more.end());
        return run(std::move(words));
    }

    opened_packet opened(std::size_t index = 0) {
        const auto hmac = hmac_key::make(digest_type::sha256, secret_bytes::from_text("def"));
        const encryption_key key{secret_bytes::from_text("abc"), encryption_mode::cbc};
        return *open_packet(*examine_payload(sent.at(index).second), key, &*hmac);
    }

    bool out_has(std::string_view text) const { return out.str().find(text) != std::string::npos; }
    bool err_has(std::string_view text) const { return err.str().find(text) != std::string::npos; }
};

} // namespace fwknop::client::test
