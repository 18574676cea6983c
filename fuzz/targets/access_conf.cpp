// SPDX-License-Identifier: Apache-2.0
//
// access.conf and a file that it may include, which may be an ordinary user's: the text up to the
// first zero byte, and what comes after it.
#include "core/policy/access_config.hpp"
#include "core/policy/stanza_index.hpp"
#include "fuzz.hpp"

#include <boost/system/errc.hpp>

#include <string>

using namespace fwknop;

namespace {

/// Every path there is leads to the second text.
class two_files final : public file_reader {
  public:
    two_files(std::string_view root, std::string_view other) : root_{root}, other_{other} {}

    result<file_text> read(const std::string& path) override {
        const bool root = path == "/access.conf";
        return file_text{secret_bytes::from_text(root ? root_ : other_), true, true};
    }
    result<std::vector<std::string>> list_folder(const std::string& path) override {
        if (path.size() > 32)
            return make_error_code(boost::system::errc::no_such_file_or_directory);
        return std::vector<std::string>{"b.conf", "a.conf", "c"};
    }

  private:
    std::string_view root_, other_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const server_config server = [] {
        server_config made;
        diagnostics nothing;
        finish_server_config(made, nothing);
        return made;
    }();
    const std::string_view text = fuzz::text_of(data, size);
    const std::size_t end = std::min(text.find('\0'), text.size());
    two_files files{text.substr(0, end), text.substr(std::min(end + 1, text.size()))};
    diagnostics report;
    const auto stanzas = parse_access_config(
        "/access.conf", files, server, [](int, int, int) { return from_seconds(0); }, report);
    fuzz::promise(stanzas.empty() == report.failed(), "stanzas, or an error");
    for (const auto& each : report.all())
        fuzz::promise(!each.to_string().empty(), "errors say why");
    if (stanzas.empty()) return 0;
    fuzz::promise(!dump(stanzas).empty(), "stanzas can be listed");
    const stanza_index index{stanzas};
    const auto source = *ip_address::parse("192.0.2.7");
    for (std::size_t at = 0, next = index.next(source, 0); at < stanzas.size(); ++at) {
        fuzz::promise(stanzas[at].source.contains(source) == (next == at), "the index is right");
        if (next == at) next = index.next(source, at + 1);
    }
    return 0;
}
