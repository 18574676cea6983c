// SPDX-License-Identifier: Apache-2.0
#include "real_nft.hpp"

#include <boost/asio/co_spawn.hpp>
#include <catch2/catch.hpp>

#include <array>
#include <cstdio>
#include <exception>
#include <optional>
#include <utility>

namespace fwknop::test {

namespace asio = boost::asio;

real_nft::real_nft() {
    enter_new_network_namespace();
    options.program = "/usr/sbin/nft";
    options.layout.protect = {{protocol::tcp, 22, 22}};
}

std::string real_nft::nft(const std::string& command) const {
    const std::string line = "printf '%s\\n' '" + command + "' | /usr/sbin/nft -f - 2>&1";
    std::FILE* pipe = ::popen(line.c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string output;
    std::array<char, 4096> chunk;
    for (std::size_t size; (size = std::fread(chunk.data(), 1, chunk.size(), pipe)) > 0;)
        output.append(chunk.data(), size);
    CAPTURE(command, output);
    REQUIRE(::pclose(pipe) == 0);
    return output;
}

std::string real_nft::elements(const std::string& set) const {
    const std::string text = nft("list set inet " + options.layout.table + " " + set);
    const auto begin = text.find("elements = ");
    if (begin == text.npos) return {};
    return text.substr(begin + 11,
                       text.rfind('}', text.rfind('}', text.rfind('}') - 1) - 1) - begin - 10);
}

int real_nft::count(std::string_view wanted) const {
    const std::string text = nft("list ruleset");
    int found = 0;
    for (auto at = text.find(wanted); at != text.npos; at = text.find(wanted, at + 1)) ++found;
    return found;
}

start_outcome real_nft::start() {
    crash();
    log.lines.clear();
    context_ = std::make_unique<asio::io_context>();
    filter = std::make_unique<nft_backend>(options);
    if (start_with) start_with(*filter);
    keeper = std::make_unique<grant_keeper>(context_->get_executor(), *filter, log);
    std::optional<start_outcome> result;
    asio::co_spawn(*context_, keeper->start(),
                   [&](std::exception_ptr error, start_outcome outcome) {
                       REQUIRE_FALSE(error);
                       result = std::move(outcome);
                   });
    while (!result) context_->run_one();
    return *result;
}

void real_nft::crash() {
    // The keeper's timers belong to the context; what runs there uses the backend, whose socket
    // belongs to the context again.
    keeper.reset();
    filter.reset();
    context_.reset();
}

backend_outcome real_nft::stop() {
    std::optional<backend_outcome> result;
    asio::co_spawn(*context_, keeper->stop(),
                   [&](std::exception_ptr error, backend_outcome outcome) {
                       REQUIRE_FALSE(error);
                       result = std::move(outcome);
                   });
    context_->restart();
    while (!result) context_->run_one();
    crash();
    return *result;
}

void real_nft::open(std::string_view source, std::uint16_t port, int seconds) {
    open({ip_address::parse(source).value(),
          std::nullopt,
          {{protocol::tcp, port}},
          std::chrono::seconds{seconds},
          0});
}

void real_nft::open(open_request request) {
    keeper->open(std::move(request));
}

void real_nft::run(std::chrono::milliseconds time) {
    context_->restart();
    context_->run_for(time);
}

void real_nft::run_until(const std::function<bool()>& done) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    context_->restart();
    while (!done()) {
        CAPTURE(log.lines);
        REQUIRE(std::chrono::steady_clock::now() < limit);
        context_->run_one_for(std::chrono::milliseconds{100});
        if (context_->stopped()) context_->restart();
    }
}

} // namespace fwknop::test
