// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpg_child.hpp"

#include "firewall/child.hpp"
#include "gpg/worker.hpp"

#include <utility>

namespace fwknop::daemon {

namespace asio = boost::asio;

std::shared_ptr<const secret_bytes>
gpg_request(const gpg_settings& entry, std::span<const std::vector<std::uint8_t>> messages) {
    const auto phrase = entry.decrypt_password
                            ? gpg::pass_phrase::given(entry.decrypt_password->clone())
                            : gpg::pass_phrase::none();
    return std::make_shared<const secret_bytes>(
        gpg::write_request(entry.home_dir, phrase, messages));
}

asio::awaitable<gpg::outcome<gpg::decrypted>>
decrypt_in_child(std::shared_ptr<const secret_bytes> request, gpg_child_settings settings) {
    child_command command;
    command.path = std::move(settings.program);
    command.arguments = {std::string{gpg::worker_option}, std::move(settings.engine)};
    command.secret_input = std::move(request);
    command.time_limit = settings.time_limit;
    child_result done = co_await run_child(command);
    if (!done.ok()) {
        co_return gpg::failure{gpg::failure_kind::internal,
                               "cannot decrypt: " + describe_failure(command, done)};
    }
    co_return gpg::read_answer(std::move(done.output));
}

} // namespace fwknop::daemon
