// SPDX-License-Identifier: Apache-2.0
#include "daemon/journal.hpp"

#include "core/spa/text.hpp"

#include <utility>
#include <vector>

#include <sys/stat.h>
#include <sys/types.h>
#include <syslog.h>

namespace fwknop::daemon::log {

namespace {

/// The number of bytes in front of a value that holds a line's end: 64 bits, little endian.
std::string length_prefix(std::uint64_t size) {
    std::string bytes;
    for (int i = 0; i < 8; ++i, size >>= 8) bytes += static_cast<char>(size & 0xff);
    return bytes;
}

bool continues_character(char byte) noexcept {
    return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

} // namespace

bool is_journal_stream(int descriptor, const char* stream) noexcept {
    if (stream == nullptr) return false;
    const std::string_view text{stream};
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return false;
    const auto device = parse_digits<std::uint64_t>(text.substr(0, colon));
    const auto inode = parse_digits<std::uint64_t>(text.substr(colon + 1));
    struct stat found {};
    return device && inode && ::fstat(descriptor, &found) == 0 && found.st_dev == *device &&
           found.st_ino == *inode;
}

std::string cut_to(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) return std::string{text};
    std::size_t size = limit;
    // At most three bytes back: what is not UTF-8 is cut where the limit is.
    for (int i = 0; i < 3 && size > 0 && continues_character(text[size]); ++i) --size;
    if (continues_character(text[size])) size = limit;
    return std::string{text.substr(0, size)} + "… [" + std::to_string(text.size() - size) +
           " bytes cut]";
}

std::string journal_entry(std::span<const field> fields) {
    std::string bytes;
    for (const field& each : fields) {
        const std::string value =
            cut_to(each.value, each.name == "MESSAGE" ? max_journal_message : max_journal_field);
        bytes += each.name;
        if (value.find('\n') == std::string::npos) {
            bytes += '=';
        } else {
            bytes += '\n';
            bytes += length_prefix(value.size());
        }
        bytes += value;
        bytes += '\n';
    }
    return bytes;
}

journal::journal(const std::string& socket, std::string identity, int facility)
    : socket_{socket}, identity_{std::move(identity)}, facility_{facility} {}

bool journal::send(int priority, std::string_view message, const event* what) const {
    std::vector<field> fields{{"MESSAGE", std::string{message}},
                              {"PRIORITY", std::to_string(priority)},
                              {"SYSLOG_IDENTIFIER", identity_},
                              {"SYSLOG_FACILITY", std::to_string(LOG_FAC(facility_))}};
    if (what != nullptr) {
        for (field& each : fields_of(*what)) fields.push_back(std::move(each));
    }
    return socket_.send(journal_entry(fields)) == local_datagram::delivery::sent;
}

void journal::write(int priority, std::string_view message, const event* what) {
    if (dropped_ > 0) {
        const std::string notice =
            std::to_string(dropped_) + " lines of the log were lost: the journal did not take them";
        if (!send(LOG_WARNING, notice, nullptr)) {
            ++dropped_;
            return;
        }
        dropped_ = 0;
    }
    if (!send(priority, message, what)) ++dropped_;
}

} // namespace fwknop::daemon::log
