// SPDX-License-Identifier: Apache-2.0
// What becomes of each kind of packet, and what is counted and logged of it.
#include "core/crypto/base64.hpp"
#include "core/crypto/cipher.hpp"
#include "daemon/pipeline_stage.hpp"
#include "frame/frames.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <vector>

using namespace fwknop;
using namespace fwknop::daemon;
using namespace fwknop::test;
using daemon::test::ours;
using daemon::test::stage;

namespace {

/// A packet around any plain text, encrypted and signed as it should be.
std::string seal_text(std::string_view plain) {
    const encryption_key key{secret_bytes::from_text(pass_phrase)};
    const auto signing =
        hmac_key::make(digest_type::sha256, secret_bytes::from_text(hmac_pass_phrase)).value();
    const auto salted =
        crypto::encrypt(key, seal_nonce::generate().salt,
                        {reinterpret_cast<const std::uint8_t*>(plain.data()), plain.size()});
    const std::string text = crypto::base64_encode(salted.value()).substr(10);
    return text + signing.sign("U2FsdGVkX1", text).value();
}

} // namespace

TEST_CASE_METHOD(stage, "a good packet is granted once, and on record") {
    build(ours);
    receive(seal());
    CHECK(counted() == "received 1, granted 1");
    REQUIRE(opened.size() == 1);
    CHECK(opened.front().source == at("203.0.113.9"));
    CHECK(opened.front().services == std::vector<service>{{protocol::tcp, 22}});
    CHECK(opened.front().timeout == std::chrono::seconds{30});
    CHECK(replays.size() == 1);
    CHECK_THAT(file(), Catch::EndsWith(" 17 192.0.2.7 40000 198.51.100.9 62201 1700000000\n"));
}

TEST_CASE_METHOD(stage, "a frame is taken apart first") {
    build(ours);
    const std::string payload = seal();
    const octets frame = ethernet(ethertype_ipv4, ipv4(ip_protocol_udp, udp(payload)));
    line->receive_frame(link_type::ethernet, frame, frame.size(), now);
    CHECK(counted() == "received 1, granted 1");
    line->receive_frame(link_type::ethernet, octets(14, 0), 14, now);
    CHECK(counted() == "received 2, granted 1, frame does not carry IP 1");
    line->receive_frame(link_type::ethernet, frame, frame.size() + 1, now);
    CHECK(line->counters().received == 3);
    CHECK(opened.size() == 1);
}

TEST_CASE_METHOD(stage, "what never became a datagram is counted by its reason") {
    build(ours);
    line->receive(errc::frame_fragment, now);
    line->receive(errc::payload_too_long, now);
    line->receive(errc::payload_too_long, now);
    CHECK(counted() == "received 3, IP fragment 1, payload is longer than 1499 bytes 2");
    // Another library's error has no name of its own here.
    line->receive(make_error_code(boost::system::errc::io_error), now);
    CHECK(line->counters().by_error[0] == 1);
}

TEST_CASE_METHOD(stage, "each malformed payload is counted by its own reason, and nothing else") {
    build(ours);
    struct row {
        std::string payload;
        const char* reason;
    };
    const std::string good = seal();
    std::string not_base64 = good;
    not_base64[50] = '=';
    const row rows[] = {
        {"", "payload is shorter than 140 bytes"},
        {good.substr(0, 139), "payload is shorter than 140 bytes"},
        {std::string(1500, 'A'), "payload is longer than 1499 bytes"},
        {not_base64, "payload holds a character that is not base64"},
        {"U2FsdGVkX1" + good, "payload begins with the symmetric prefix that senders remove"},
        {"hQ" + std::string(400, 'A'), "payload begins with the GPG prefix that senders remove"},
    };
    for (const row& each : rows) {
        CAPTURE(each.reason);
        build(ours);
        receive(each.payload);
        CHECK(counted() == "received 1, " + std::string{each.reason} + " 1");
    }
    CHECK(log.take().empty());
    CHECK(opened.empty());
    CHECK(replays.size() == 0);
}

TEST_CASE_METHOD(stage, "each packet that does not authenticate is counted by its own reason") {
    struct row {
        std::string stanza;
        std::string payload;
        const char* reason;
    };
    std::string flipped = seal();
    flipped[30] = flipped[30] == 'A' ? 'B' : 'A';
    const std::string as_gpg = "h" + seal().substr(1);
    const row rows[] = {
        {ours, seal(access_message(), pass_phrase, "otherhmac"), "HMAC does not match"},
        {ours, flipped, "HMAC does not match"},
        {ours, seal(access_message(), pass_phrase, ""), "HMAC does not match"},
        {ours, as_gpg, "decryption failed or wrong key"},
        {ours,
         seal_text("no fields at all, but the HMAC is right: padded so that it is long "
                   "enough for a packet of the least length"),
         "decryption failed or wrong key"},
        {ours,
         seal_text("0123456789012345:YWxpY2U:1700000000:3.0.0:1:MTkyLjAuMi43LHRjcC8yMg:"
                   "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
         "digest does not match the fields"},
        {ours,
         seal_text("0123456789012345:YWxpY2U:1700000000:"
                   "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
         "decrypted data has too few fields"},
    };
    for (const row& each : rows) {
        CAPTURE(each.reason, each.payload);
        build(each.stanza);
        receive(each.payload);
        CHECK(counted() == "received 1, " + std::string{each.reason} + " 1");
        CHECK(opened.empty());
        CHECK(replays.size() == 0);
    }
    // Without an HMAC there is nothing but the wrong key's nonsense.
    build("SOURCE ANY\nKEY opensesame\n");
    receive(seal(access_message(), "otherkey", ""));
    CHECK_THAT(counted(), Catch::StartsWith("received 1, "));
    CHECK(line->counters().granted == 0);
    CHECK(replays.size() == 0);
}

TEST_CASE_METHOD(stage, "each refusal is counted by its own reason, and the packet remembered") {
    struct row {
        std::string stanza;
        message request;
        const char* reason;
        bool remembered;
    };
    message old = access_message();
    old.time = noon - 121;
    message early = access_message();
    early.time = noon + 121;
    message command = access_message("203.0.113.9,id");
    command.type = message_type::command;
    message nat = access_message();
    nat.type = message_type::nat_access;
    nat.nat_access = "10.0.0.5,22";
    const row rows[] = {
        {ours, old, "stale", true},
        {ours, early, "stale", true},
        {ours + "OPEN_PORTS tcp/443\n", access_message(), "port_denied", true},
        {ours + "RESTRICT_PORTS tcp/22\n", access_message(), "port_denied", true},
        {ours + "REQUIRE_USERNAME bob\n", access_message(), "user_mismatch", true},
        {ours + "REQUIRE_SOURCE_ADDRESS Y\n", access_message("0.0.0.0,tcp/22"),
         "source_address_required", true},
        {ours, access_message("::,tcp/22"), "allow_address_invalid", true},
        {ours, command, "command_not_allowed", true},
        {ours, nat, "nat_not_allowed", true},
        {ours + "ACCESS_EXPIRE_EPOCH 1\n", access_message(), "stanza_expired", false},
    };
    for (const row& each : rows) {
        CAPTURE(each.reason);
        build(each.stanza);
        const std::size_t before = replays.size();
        const std::string payload = seal(each.request);
        receive(payload);
        CHECK(counted() == "received 1, " + std::string{each.reason} + " 1");
        CHECK(replays.size() - before == (each.remembered ? 1 : 0));
        if (!each.remembered) continue;
        receive(payload);
        CHECK(line->counters().replayed == 1);
    }
    CHECK(opened.empty());
}

TEST_CASE_METHOD(stage, "what is granted in the end counts as a grant and nothing else") {
    build("SOURCE ANY\nKEY otherkey\nHMAC_KEY otherhmac\n" + ours + "OPEN_PORTS tcp/443\n" + ours);
    receive(seal());
    CHECK(counted() == "received 1, granted 1");
}

TEST_CASE_METHOD(stage, "of several stanzas each counts its reason") {
    build("SOURCE ANY\nKEY otherkey\nHMAC_KEY otherhmac\n" + ours + "OPEN_PORTS tcp/443\n");
    receive(seal());
    CHECK(counted() == "received 1, HMAC does not match 1, port_denied 1");
}

TEST_CASE_METHOD(stage, "a replay opens nothing, from wherever it comes") {
    build(ours);
    const std::string payload = seal();
    receive(payload);
    receive(payload);
    receive(payload, "203.0.113.66");
    CHECK(counted() == "received 3, replayed 2, granted 1");
    CHECK(opened.size() == 1);

    // Nor after a restart.
    replays = replay_store::open(folder.file("digest.cache"), unix_time{}, true);
    build(ours);
    receive(payload);
    CHECK(counted() == "received 1, replayed 1");
}

TEST_CASE_METHOD(stage, "another spelling of a packet is another packet, and is not granted") {
    const std::string bare = seal(access_message(), pass_phrase, "");
    build("SOURCE ANY\nKEY opensesame\n");
    receive(bare);
    REQUIRE(line->counters().granted == 1);
    // Bits of the last character that decode to nothing, and what a decoder may skip.
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (const char last : alphabet) {
        std::string other = bare;
        other.back() = last;
        receive(other);
    }
    for (const char* more : {"=", "==", "\n", "A", "AA", "AAAA"}) receive(bare + more);
    CHECK(line->counters().granted == 1);
}

TEST_CASE_METHOD(stage, "who is not expected is counted, and costs no key") {
    build("SOURCE 10.0.0.0/8\n" + our_keys);
    receive(seal());
    CHECK(counted() == "received 1, unexpected 1");
    receive(seal(), "10.0.0.1");
    CHECK(counted() == "received 2, unexpected 1, granted 1");
}

TEST_CASE_METHOD(stage, "in an overload a source that failed is not checked, and the others are") {
    budget = {.all = {.rate = 0, .depth = {}},
              .source = {.rate = 0, .depth = std::chrono::nanoseconds{1}}};
    build(ours);
    const std::string strangers = seal(access_message(), pass_phrase, "nobody-has-this-key");
    receive(strangers);
    CHECK(counted() == "received 1, HMAC does not match 1");
    receive(strangers);
    receive(seal());
    CHECK(counted() == "received 3, withheld 2, HMAC does not match 1");
    CHECK(log.text().find("too many from there failed") != std::string::npos);

    receive(seal(), "192.0.2.8");
    CHECK(counted() == "received 4, withheld 2, granted 1, HMAC does not match 1");
    // Who authenticates is not charged.
    receive(seal(), "192.0.2.8");
    CHECK(counted() == "received 5, withheld 2, granted 2, HMAC does not match 1");
}

TEST_CASE_METHOD(stage, "a packet to where no stanza looks is counted like an unexpected one") {
    build("SOURCE ANY\nDESTINATION 198.51.100.1\n" + our_keys);
    receive(seal());
    CHECK(counted() == "received 1, unexpected 1");
    CHECK(replays.size() == 0);
}

TEST_CASE_METHOD(stage, "in test mode everything is judged and nothing opened") {
    build(ours, true);
    receive(seal());
    CHECK(counted() == "received 1, granted 1");
    CHECK(opened.empty());
    CHECK_THAT(log.text(), Catch::Contains("--test mode enabled, skipping firewall manipulation."));
    receive(seal(access_message(), pass_phrase, "otherhmac"));
    CHECK(counted() == "received 2, granted 1, HMAC does not match 1");
}

TEST_CASE_METHOD(stage, "commands and cycles are granted once, and in test mode not run") {
    message command = access_message("203.0.113.9,id -u");
    command.type = message_type::command;
    const std::string runs = ours + "ENABLE_CMD_EXEC Y\n";
    build(runs);
    const std::string payload = seal(command);
    receive(payload);
    receive(payload);
    CHECK(counted() == "received 2, replayed 1, granted 1");
    REQUIRE(others.size() == 1);
    CHECK(std::get<command_decision>(others[0].outcome).words ==
          std::vector<std::string>{"id", "-u"});

    build(ours + "CMD_CYCLE_OPEN /bin/o $DST:$DST_PORT\nCMD_CYCLE_CLOSE NONE\n");
    receive(seal());
    REQUIRE(others.size() == 2);
    CHECK(std::get<cycle_decision>(others[1].outcome).runs.at(0).open ==
          std::vector<std::string>{"/bin/o", "198.51.100.9:62201"});
    receive(seal(command));
    CHECK(counted() == "received 2, granted 1, command_not_allowed 1");

    build(runs, true);
    receive(seal(command));
    CHECK(counted() == "received 1, granted 1");
    CHECK(others.size() == 2);
    CHECK(opened.empty());
}

TEST_CASE_METHOD(stage, "neither keys nor what a stranger wrote get into the log") {
    daemon::test::log_lines all{1}; // with everything that -v shows
    build(ours + "OPEN_PORTS tcp/443\n" + "SOURCE ANY\nKEY otherkey\nHMAC_KEY otherhmac\n");
    receive(seal(access_message("203.0.113.9,tcp/2222"), pass_phrase, "wronghmac"));
    receive(seal(access_message("203.0.113.9,tcp/2222"), "wrongkey", hmac_pass_phrase));
    message command = access_message("203.0.113.9,reboot now");
    command.type = message_type::command;
    receive(seal(command, pass_phrase, "wronghmac"));
    // By the holder of a key, but refused.
    receive(seal(command));
    REQUIRE(opened.empty());
    const std::string text = all.text();
    CHECK_FALSE(text.empty());
    for (const std::string secret : {"opensesame", "knockknock", "otherkey", "otherhmac", "2222"}) {
        CAPTURE(secret);
        CHECK_THAT(text, !Catch::Contains(secret));
    }
    CHECK_THAT(text, !Catch::Contains("reboot"));
    CHECK_THAT(text, !Catch::Contains(crypto::base64_encode(std::string_view{command.text})));
}
