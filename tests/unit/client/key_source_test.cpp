// SPDX-License-Identifier: Apache-2.0
#include "checked_string.hpp"
#include "client/key_source.hpp"

#include <catch2/catch.hpp>

#include <deque>
#include <map>

using namespace fwknop;
using namespace fwknop::client;

namespace {

/// Readers that answer from lists and record what they were asked.
struct fake_readers {
    std::map<std::string, std::string> files;
    std::deque<std::string> lines;
    std::deque<std::string> typed;
    std::vector<std::string> prompts;

    static std::optional<secret_bytes> next(std::deque<std::string>& from) {
        if (from.empty()) return {};
        auto secret = secret_bytes::from_text(from.front());
        from.pop_front();
        return secret;
    }

    key_readers readers() {
        return {[this](const std::string& path) -> std::optional<secret_bytes> {
                    const auto found = files.find(path);
                    if (found == files.end()) return {};
                    return secret_bytes::from_text(found->second);
                },
                [this](int) { return next(lines); },
                [this](std::string_view prompt) {
                    prompts.emplace_back(prompt);
                    return next(typed);
                },
                [](const std::string& command) -> checked<secret_bytes> {
                    return secret_bytes::from_text("from-" + command);
                }};
    }
};

settings with_key(const std::string& text) {
    settings from;
    from.destination = "server";
    from.key.given = true;
    from.key.key = secret_bytes::from_text(text);
    return from;
}

void give_hmac(settings& to, const std::string& text) {
    to.hmac_key.given = true;
    to.hmac_key.key = secret_bytes::from_text(text);
}

std::string found(std::string_view file, std::string_view server) {
    const auto key = find_key(file, server);
    return key ? std::string{key->text()} : "none";
}

} // namespace

TEST_CASE("key files: the server exactly, the last match wins") {
    CHECK(found("a: k\n", "a") == "k");
    CHECK(found("a:k", "a") == "k");
    CHECK(found("a: \t k v#;\r\n", "a") == "k v#;");
    CHECK(found("a: k1\na: k2\nb: x\n", "a") == "k2");
    CHECK(found("ab: k\n", "a") == "none");
    CHECK(found("a : k\n", "a") == "none");
    CHECK(found(" a: k\n", "a") == "none");
    CHECK(found("A: k\n", "a") == "none");
    CHECK(found("a:\n", "a").empty());
    CHECK(found("", "a") == "none");
}

TEST_CASE("the first source that has a key gives it") {
    fake_readers world{{{"f", "server: from-file\n"}}, {"from-fd"}, {"typed"}, {}};
    settings from;
    from.destination = "server";
    SECTION("prompt") {
        CHECK(obtain_keys(from, world.readers())->encryption.text() == "typed");
        CHECK(world.prompts == std::vector<std::string>{"Enter encryption key: "});
    }
    SECTION("descriptor") {
        from.key_descriptor = 3;
        CHECK(obtain_keys(from, world.readers())->encryption.text() == "from-fd");
    }
    SECTION("file") {
        from.key_descriptor = 3;
        from.key_file = "f";
        CHECK(obtain_keys(from, world.readers())->encryption.text() == "from-file");
    }
    SECTION("command") {
        from.key_descriptor = 3;
        from.key_command = "command";
        CHECK(obtain_keys(from, world.readers())->encryption.text() == "from-command");
    }
    SECTION("given") {
        from.key_command = "command";
        from.key_file = "f";
        from.key.given = true;
        from.key.key = secret_bytes::from_text("given");
        CHECK(obtain_keys(from, world.readers())->encryption.text() == "given");
    }
    CHECK(world.prompts.size() <= 1);
}

TEST_CASE("both keys come from one descriptor, one a line") {
    fake_readers world{{}, {"one", "two"}, {}, {}};
    settings from;
    from.key_descriptor = 0;
    from.use_hmac = true;
    const auto keys = obtain_keys(from, world.readers());
    REQUIRE(keys);
    CHECK(keys->encryption.text() == "one");
    CHECK(keys->hmac->text() == "two");
}

TEST_CASE("an HMAC key is asked for only when an HMAC is wanted") {
    fake_readers world{{}, {}, {"hm"}, {}};
    auto from = with_key("abc");
    CHECK_FALSE(obtain_keys(from, world.readers())->hmac);
    CHECK(world.prompts.empty());
    from = with_key("abc");
    from.hmac_digest = digest_type::md5;
    CHECK(obtain_keys(from, world.readers())->hmac->text() == "hm");
    CHECK(world.prompts == std::vector<std::string>{"Enter HMAC key: "});
}

TEST_CASE("what goes wrong is told in known words") {
    fake_readers world{{{"f", "other: k\n"}}, {}, {}, {}};
    const auto refusal = [&](settings from) {
        const auto keys = obtain_keys(from, world.readers());
        return keys ? "accepted" : keys.error().text;
    };
    settings nothing;
    nothing.destination = "server";
    CHECK(refusal(std::move(nothing)) == "[*] getpasswd() key error.");
    settings no_file;
    no_file.key_file = "nofile";
    CHECK(refusal(std::move(no_file)) == "Could not open config file: nofile");
    settings no_line;
    no_line.destination = "server";
    no_line.key_file = "f";
    CHECK(refusal(std::move(no_line)) == "Could not get key for IP: server from: f");
    CHECK(refusal(with_key(std::string(32, 'k'))) == "accepted");
    CHECK(refusal(with_key(std::string(33, 'k'))) ==
          "fwknop: fko_spa_data_final: Error 95 - Invalid key length");
    CHECK(refusal(with_key("")) == "The encryption key is empty.");
    auto same = with_key("abc");
    give_hmac(same, "abc");
    CHECK(refusal(std::move(same)) ==
          "[*] The encryption passphrase and HMAC key should not be identical, no SPA packet sent. "
          "Exiting.");
    auto empty = with_key("abc");
    give_hmac(empty, "");
    CHECK(refusal(std::move(empty)) == "The HMAC key is empty.");
    auto legacy = with_key("abc");
    legacy.mode = encryption_mode::legacy;
    legacy.use_hmac = true;
    CHECK(refusal(std::move(legacy)) == "Legacy encryption mode is incompatible with HMAC usage.");
}

TEST_CASE("legacy mode cuts keys to 16 bytes, with a warning") {
    fake_readers world;
    auto from = with_key(std::string(16, 'k'));
    from.mode = encryption_mode::legacy;
    CHECK(obtain_keys(from, world.readers())->warning.empty());
    from = with_key(std::string(40, 'k'));
    from.mode = encryption_mode::legacy;
    const auto keys = obtain_keys(from, world.readers());
    REQUIRE(keys);
    CHECK(keys->encryption.size() == 16);
    CHECK(keys->warning.rfind("WARNING: Encryption key in '-M legacy' mode", 0) == 0);
}

TEST_CASE("with GPG the signer's pass phrase takes the key's place") {
    using source = gpg::pass_phrase::source;
    fake_readers world{{{"f", "server: from-file\n"}}, {"from-fd"}, {"typed"}, {}};
    settings from;
    from.destination = "server";
    from.use_gpg = true;
    from.gpg_signer = "me";
    const auto phrase = [&] {
        auto got = obtain_keys(from, world.readers());
        REQUIRE(got);
        CHECK(got->encryption.empty());
        return std::move(got->phrase);
    };
    SECTION("prompt") {
        CHECK(phrase().text().text() == "typed");
        CHECK(world.prompts == std::vector<std::string>{"Enter passphrase for signing: "});
    }
    SECTION("descriptor, file, command, key, and before all its own directive") {
        from.key_descriptor = 3;
        CHECK(phrase().text().text() == "from-fd");
        from.key_file = "f";
        CHECK(phrase().text().text() == "from-file");
        from.key_command = "command";
        CHECK(phrase().text().text() == "from-command");
        from.key.given = true;
        from.key.key = secret_bytes::from_text("key");
        CHECK(phrase().text().text() == "key");
        from.gpg_password.given = true;
        from.gpg_password.key = secret_bytes::from_text("own");
        CHECK(phrase().where() == source::given);
    }
    SECTION("longer than any key") {
        world.typed = {std::string(200, 'x')};
        CHECK(phrase().text().size() == 200);
    }
    SECTION("nobody is asked") {
        from.gpg_agent = true;
        CHECK(phrase().where() == source::agent);
        CHECK(pass_phrase_note(from) ==
              "[+] GPG mode set, signing passphrase acquired via gpg-agent");
        from.gpg_agent = false;
        from.gpg_no_password = true;
        CHECK(phrase().where() == source::none);
        CHECK(pass_phrase_note(from) == "[+] GPG mode set, signing passphrase not required");
        from.gpg_no_password = false;
        from.gpg_signer.clear(); // not signed
        CHECK(phrase().where() == source::none);
        CHECK(pass_phrase_note(from).empty());
        CHECK(world.prompts.empty());
    }
    SECTION("nobody to ask") {
        world.typed.clear();
        CHECK(obtain_keys(from, world.readers()).error().text == "[*] getpasswd() key error.");
    }
    SECTION("it is not the HMAC key") {
        give_hmac(from, "typed");
        CHECK_FALSE(obtain_keys(from, world.readers()));
    }
    SECTION("GPG wins over legacy mode, which excludes an HMAC") {
        from.mode = encryption_mode::legacy;
        give_hmac(from, "def");
        CHECK(phrase().text().text() == "typed");
    }
    CHECK(world.prompts.size() <= 1);
}
