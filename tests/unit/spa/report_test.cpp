// SPDX-License-Identifier: Apache-2.0
#include <fwknop/report.hpp>

#include <catch2/catch.hpp>

using namespace fwknop;

TEST_CASE("the fields of a packet are listed as users know them") {
    opened_packet packet;
    packet.message.random_value = "1169776909449810";
    packet.message.user = "root";
    packet.message.time = 1795310821;
    packet.message.version = "3.0.0";
    packet.message.text = "192.0.2.7,tcp/22";
    packet.encoded = "1169776909449810:cm9vdA:1795310821:3.0.0:1:MTkyLjAuMi43LHRjcC8yMg";
    packet.digest_text = "w2rc";
    packet.hmac_text = "D132";
    CHECK(describe_packet(packet, encryption_mode::cbc, digest_type::sha256, "+DuW8") ==
          "SPA Field Values:\n"
          "=================\n"
          "   Random Value: 1169776909449810\n"
          "       Username: root\n"
          "      Timestamp: 1795310821\n"
          "    FKO Version: 3.0.0\n"
          "   Message Type: 1 (Access msg)\n"
          " Message String: 192.0.2.7,tcp/22\n"
          "     Nat Access: <NULL>\n"
          "    Server Auth: <NULL>\n"
          " Client Timeout: 0\n"
          "    Digest Type: 3 (SHA256)\n"
          "      HMAC Type: 3 (SHA256)\n"
          "Encryption Type: 1 (Rijndael)\n"
          "Encryption Mode: 2 (CBC)\n"
          "   Encoded Data: 1169776909449810:cm9vdA:1795310821:3.0.0:1:MTkyLjAuMi43LHRjcC8yMg\n"
          "SPA Data Digest: w2rc\n"
          "           HMAC: D132\n"
          " Final SPA Data: +DuW8\n");
}

TEST_CASE("what is absent says so, and no field writes lines of its own") {
    opened_packet packet;
    packet.message.type = message_type::command;
    packet.message.text = "192.0.2.7,a\nb";
    packet.message.nat_access = "10.0.0.1,22";
    const auto text = describe_packet(packet, encryption_mode::legacy, std::nullopt, "x");
    CHECK(text.find(" Message String: 192.0.2.7,a\\x0ab\n") != std::string::npos);
    CHECK(text.find("     Nat Access: 10.0.0.1,22\n") != std::string::npos);
    CHECK(text.find("      HMAC Type: 0 (None)\n") != std::string::npos);
    CHECK(text.find("           HMAC: <NULL>\n") != std::string::npos);
    CHECK(text.find("Encryption Mode: 8 (legacy)\n") != std::string::npos);
}

TEST_CASE("GPG adds its lines before the encoded data") {
    gpg_report gpg;
    gpg.recipient = "server@test";
    gpg.signature_id = "AB67C66D";
    gpg.fingerprint = "82C64DA9ED8C7F1CB049CAD6CD1A9423AB67C66D";
    gpg.summary = 3;
    gpg.status = 0;
    gpg.home = "/home/a/.gnupg";
    gpg.program = "/usr/bin/gpg";
    const auto text = describe_packet({}, encryption_mode::asymmetric, std::nullopt, "EMA+", &gpg);
    CHECK(text.find("Encryption Type: 2 (GPG)\n"
                    "Encryption Mode: 7 (Asymmetric)\n"
                    "     GPG signer: <NULL>\n"
                    "  GPG recipient: server@test\n"
                    " GPG sig verify: Yes\n"
                    " GPG ignore sig: No\n"
                    "     GPG sig ID: AB67C66D\n"
                    "    GPG sig fpr: 82C64DA9ED8C7F1CB049CAD6CD1A9423AB67C66D\n"
                    "GPG sig summary: 3\n"
                    " GPG sig status: 0\n"
                    "   GPG home dir: /home/a/.gnupg\n"
                    "        GPG exe: /usr/bin/gpg\n"
                    "   Encoded Data: \n") != std::string::npos);
    CHECK(describe_packet({}, encryption_mode::asymmetric, std::nullopt, "", nullptr)
              .find("GPG sig") == std::string::npos);
}
