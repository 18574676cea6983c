// SPDX-License-Identifier: Apache-2.0
#include "firewall/script_check.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace fwknop;

namespace {

bool iptables(const std::string& text) {
    return is_harmless(listed_input::iptables_script, text);
}

bool nft(const std::string& text) {
    return is_harmless(listed_input::nft_script, text);
}

} // namespace

TEST_CASE("no spelling of iptables' --modprobe goes unseen") {
    for (const std::string word :
         {"-M", "-M/bin/evil", "-nM", "-vnM/bin/evil", "--m", "--mo", "--mod", "--modprob",
          "--modprobe", "--modprobe=/bin/evil", "--mod=/bin/evil", "--m=/bin/evil"}) {
        CAPTURE(word);
        CHECK(may_name_program(word));
        CHECK_FALSE(iptables("*filter\n" + word + " /bin/evil -A INPUT -j ACCEPT\nCOMMIT\n"));
        CHECK_FALSE(iptables("*filter\n-A INPUT -j ACCEPT\t" + word));
        CHECK_FALSE(iptables("-A INPUT -m comment --comment \"a \\\" b\" \"" + word + "\"\n"));
        CHECK_FALSE(iptables("-A INPUT \"\\" + word + "\"\n"));
        CHECK_FALSE(iptables(std::string(max_iptables_line + 1, 'x') + " " + word));
    }
    for (const std::string word : {"", "-", "--", "-m", "--mode", "--mark", "--match", "M",
                                   "modprobe", "--modprobes", "MASQUERADE", "--to-ports"})
        CHECK_FALSE(may_name_program(word));
}

TEST_CASE("scripts that iptables-restore gets are taken as they are") {
    CHECK(iptables(""));
    CHECK(iptables("*filter\n:FWKNOP_INPUT - [0:0]\n-C INPUT -j FWKNOP_INPUT\n"
                   "-A FWKNOP_INPUT -p 6 -s 192.0.2.7 --dport 22 -m comment --comment _exp_12 "
                   "-j ACCEPT\nCOMMIT\n"));
    CHECK(iptables("*nat\n-D X -m comment --comment \"Made by M, \\\"-Mx\\\" _exp_12\" "
                   "-j MASQUERADE --to-ports 8022\nCOMMIT"));
    CHECK(iptables("-V\n"));
    CHECK(iptables(std::string(max_iptables_line, 'x') + "\n"));
}

TEST_CASE("what readers of iptables' lines could take apart in two ways is refused") {
    CHECK_FALSE(iptables("-A INPUT -\"M\" /bin/evil\n"));
    CHECK_FALSE(iptables("-A INPUT x\"-M\" /bin/evil\n"));
    CHECK_FALSE(iptables("-A INPUT \"x\"-M /bin/evil\n"));
    CHECK_FALSE(iptables("-A INPUT \"x -j ACCEPT\n"));
    CHECK_FALSE(iptables("-A INPUT \"x\\\n"));
    for (const char control : {'\0', '\r', '\v', '\f', '\x1b'})
        CHECK_FALSE(iptables(std::string{"-A INPUT x"} + control + "-M /bin/evil\n"));
}

TEST_CASE("a script for nft names no other file") {
    CHECK(nft("table inet include {\n chain include { comment \"x\"; }\n}\n"));
    CHECK(nft("add rule inet t include counter\n"));
    for (const std::string text :
         {"include \"/etc/shadow\"\n", "include\"x\"", "a; include\t \"x\"", "include \\\n \"x\"",
          "include include \"x\""})
        CHECK_FALSE(nft(text));
    CHECK(is_harmless(listed_input::anything, "include \"x\" -M"));
}
