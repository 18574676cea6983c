// SPDX-License-Identifier: Apache-2.0
#include "client/temporary_folder.hpp"
#include "daemon/capture.hpp"
#include "frame/frames.hpp"

#include <catch2/catch.hpp>
#include <pcap/pcap.h>

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <netinet/in.h>

using namespace fwknop;
using namespace fwknop::daemon;
using client::test::temporary_folder;
using fwknop::test::octets;

namespace frames = fwknop::test;
namespace fs = std::filesystem;

namespace {

/// LINKTYPE_USER0: means something to its owner only.
constexpr int private_link_type = 147;

octets udp_frame(std::string_view payload) {
    return frames::ethernet(frames::ethertype_ipv4,
                            frames::ipv4(IPPROTO_UDP, frames::udp(payload)));
}

octets tcp_frame(std::string_view payload) {
    return frames::ethernet(frames::ethertype_ipv4,
                            frames::ipv4(IPPROTO_TCP, frames::tcp(payload)));
}

struct seen {
    link_type link;
    octets bytes;
    std::size_t wire_length;
};

/// A folder with a capture file in it, written by libpcap.
struct capture_file : temporary_folder {
    const std::string path = file("knocks.pcap");

    /// `uncaptured`: bytes of each frame that were on the wire only.
    void dump(const std::vector<octets>& all, int link = DLT_EN10MB,
              std::size_t uncaptured = 0) const {
        const std::unique_ptr<pcap_t, decltype(&pcap_close)> dead{pcap_open_dead(link, 65535),
                                                                  pcap_close};
        pcap_dumper_t* const out = pcap_dump_open(dead.get(), path.c_str());
        REQUIRE(out != nullptr);
        for (const octets& frame : all) {
            pcap_pkthdr header{};
            header.caplen = static_cast<bpf_u_int32>(frame.size());
            header.len = static_cast<bpf_u_int32>(frame.size() + uncaptured);
            pcap_dump(reinterpret_cast<u_char*>(out), &header, frame.data());
        }
        pcap_dump_close(out);
    }

    [[nodiscard]] capture open(const std::string& filter = "") const {
        return capture::offline(path, {.filter = filter});
    }

    [[nodiscard]] std::string failure(const std::string& filter = "") const {
        try {
            const capture reader = open(filter);
            return "opened";
        } catch (const std::runtime_error& error) {
            return error.what();
        }
    }
};

/// One turn, and its frames.
std::vector<seen> take(capture& from, std::size_t limit, capture::state expected) {
    std::vector<seen> all;
    const auto turn = from.dispatch(
        limit, [&](link_type link, std::span<const std::uint8_t> bytes, std::size_t wire_length) {
            all.push_back({link, octets(bytes.begin(), bytes.end()), wire_length});
        });
    CHECK(turn.frames == all.size());
    CHECK(turn.now == expected);
    return all;
}

} // namespace

TEST_CASE_METHOD(capture_file, "frames come as they were captured, then the end") {
    const octets one = udp_frame("one");
    const octets two = tcp_frame("two");
    dump({one, two});
    capture reader = open();
    CHECK(reader.descriptor() == -1);
    const auto all = take(reader, 100, capture::state::ended);
    REQUIRE(all.size() == 2);
    CHECK(all[0].link == link_type::ethernet);
    CHECK(all[0].bytes == one);
    CHECK(all[0].wire_length == one.size());
    CHECK(all[1].bytes == two);
    CHECK(take(reader, 100, capture::state::ended).empty());
    CHECK(reader.dropped() == 0);
}

TEST_CASE_METHOD(capture_file, "what was cut off by the capture shows in the length") {
    const octets frame = udp_frame("one");
    dump({frame}, DLT_EN10MB, 40);
    capture reader = open();
    const auto all = take(reader, 1, capture::state::more);
    REQUIRE(all.size() == 1);
    CHECK(all.front().bytes == frame);
    CHECK(all.front().wire_length == frame.size() + 40);
}

TEST_CASE_METHOD(capture_file, "a turn takes no more than asked for") {
    dump({udp_frame("1"), udp_frame("2"), udp_frame("3"), udp_frame("4"), udp_frame("5")});
    capture reader = open();
    CHECK(take(reader, 2, capture::state::more).size() == 2);
    CHECK(take(reader, 2, capture::state::more).size() == 2);
    CHECK(take(reader, 2, capture::state::ended).size() == 1);
}

TEST_CASE_METHOD(capture_file, "a full last turn is followed by an empty one") {
    dump({udp_frame("1"), udp_frame("2")});
    capture reader = open();
    CHECK(take(reader, 2, capture::state::more).size() == 2);
    CHECK(take(reader, 2, capture::state::ended).empty());
}

TEST_CASE_METHOD(capture_file, "a file without frames ends at once") {
    dump({});
    capture reader = open();
    CHECK(take(reader, 10, capture::state::ended).empty());
}

TEST_CASE_METHOD(capture_file, "the filter says which frames come, and only they count") {
    const octets knock = udp_frame("knock");
    dump({tcp_frame("no"), knock, tcp_frame("no"), tcp_frame("no"), knock});
    capture reader = open("udp port 62201");
    CHECK(take(reader, 1, capture::state::more).size() == 1);
    const auto rest = take(reader, 10, capture::state::ended);
    REQUIRE(rest.size() == 1);
    CHECK(rest.front().bytes == knock);
    capture other = open("udp port 62202");
    CHECK(take(other, 10, capture::state::ended).empty());
}

TEST_CASE_METHOD(capture_file, "other link layers are told with each frame") {
    struct row {
        int dlt;
        link_type link;
    };
    for (const row& each :
         {row{DLT_LINUX_SLL, link_type::linux_sll}, row{DLT_RAW, link_type::raw_ip},
          row{DLT_NULL, link_type::null_loopback}}) {
        CAPTURE(each.dlt);
        dump({octets(64, 0)}, each.dlt);
        capture reader = open();
        const auto all = take(reader, 10, capture::state::ended);
        REQUIRE(all.size() == 1);
        CHECK(all.front().link == each.link);
    }
}

TEST_CASE_METHOD(capture_file, "a link layer that cannot be read is refused by name or number") {
    dump({octets(64, 0)}, DLT_IEEE802_11);
    CHECK(failure() == "[*] '" + path + "' has link type IEEE802_11, which fwknopd cannot read");
    dump({octets(64, 0)}, private_link_type);
    CHECK(failure() == "[*] '" + path + "' has link type 147, which fwknopd cannot read");
}

TEST_CASE_METHOD(capture_file, "a filter that is none is told with libpcap's words") {
    dump({});
    CHECK_THAT(failure("udp prot 62201"),
               Catch::StartsWith("[*] Error compiling pcap filter 'udp prot 62201': ") &&
                   !Catch::EndsWith(": "));
}

TEST_CASE_METHOD(capture_file, "a file that breaks off delivers what is whole, then fails") {
    dump({udp_frame("one"), udp_frame("two")});
    fs::resize_file(path, fs::file_size(path) - 1);
    capture reader = open();
    CHECK(take(reader, 10, capture::state::failed).size() == 1);
    CHECK_THAT(reader.last_error(), Catch::Contains("truncated"));
}

TEST_CASE_METHOD(capture_file, "what is no capture is refused") {
    SECTION("another file") {
        write("knocks.pcap", "this is a letter, not a capture\n");
    }
    SECTION("an empty file") {
        write("knocks.pcap", "");
    }
    SECTION("a header that is cut short") {
        dump({});
        fs::resize_file(path, 10);
    }
    CHECK_THAT(failure(), Catch::StartsWith("[*] Cannot read the capture: "));
}

TEST_CASE_METHOD(capture_file, "a file that is not there is named") {
    CHECK_THAT(failure(), Catch::StartsWith("[*] Cannot read the capture: ") &&
                              Catch::Contains(path) && Catch::Contains("No such file"));
}

TEST_CASE_METHOD(capture_file, "a symbolic link is refused, wherever it leads") {
    dump({});
    fs::rename(path, file("real.pcap"));
    fs::create_symlink(file("real.pcap"), path);
    CHECK(failure() == "[*] '" + path + "' is a symbolic link; name the capture itself");
    fs::remove(file("real.pcap"));
    CHECK(failure() == "[*] '" + path + "' is a symbolic link; name the capture itself");
}

TEST_CASE_METHOD(capture_file, "a reader can be moved") {
    dump({udp_frame("1"), udp_frame("2")});
    capture first = open();
    CHECK(take(first, 1, capture::state::more).size() == 1);
    capture second = std::move(first);
    CHECK(take(second, 10, capture::state::ended).size() == 1);
}
