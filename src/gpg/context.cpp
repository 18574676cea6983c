// SPDX-License-Identifier: Apache-2.0
#include "gpg/context.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

namespace fwknop::gpg {
namespace {

/// The first with loopback pinentry.
constexpr const char* oldest_version = "2.1";

/// Without this call GPGME does not work. Before it, no other thread may use GPGME.
void initialise() {
    static const char* const version = ::gpgme_check_version(nullptr);
    (void)version;
}

std::string or_default(const std::string& given, const char* what) {
    if (!given.empty()) return given;
    initialise();
    const char* const found = ::gpgme_get_dirinfo(what);
    return found == nullptr ? std::string{} : std::string{found};
}

std::string reason(int error) {
    return std::generic_category().message(error);
}

outcome<void> check_program(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return failure{failure_kind::program, "Unable to stat the given GPG executable '" + path +
                                                  "': " + reason(errno) +
                                                  "; install GnuPG or name its gpg"};
    if (!S_ISREG(status.st_mode) || ::access(path.c_str(), X_OK) != 0)
        return failure{failure_kind::program,
                       "the GPG executable '" + path + "' is not a program that we may run"};
    return {};
}

outcome<void> check_home(const std::string& path) {
    struct stat status {};
    const auto what = "the GPG home directory '" + path + "'";
    if (::stat(path.c_str(), &status) != 0)
        return failure{failure_kind::home,
                       "Unable to stat " + what + ": " + reason(errno) +
                           "; name the directory that holds the keys, or make keys with gpg"};
    if (!S_ISDIR(status.st_mode)) return failure{failure_kind::home, what + " is no directory"};
    if (::access(path.c_str(), R_OK | X_OK) != 0)
        return failure{failure_kind::home, what + " may not be read: " + reason(errno)};
    return {};
}

gpgme_error_t error_of(gpgme_err_code_t code) {
    return ::gpgme_err_make(GPG_ERR_SOURCE_USER_1, code);
}

/// Called by GPGME when gpg asks. `hook` is the pass phrase.
gpgme_error_t answer(void* hook, const char*, const char*, int previous_was_bad, int to) {
    const auto& phrase = *static_cast<const pass_phrase*>(hook);
    if (phrase.where() != pass_phrase::source::given) return error_of(GPG_ERR_NO_PASSPHRASE);
    // It will not be better the second time.
    if (previous_was_bad != 0) return error_of(GPG_ERR_BAD_PASSPHRASE);
    const auto& text = phrase.text();
    if (::gpgme_io_writen(to, text.bytes().data(), text.size()) != 0 ||
        ::gpgme_io_writen(to, "\n", 1) != 0)
        return ::gpgme_error_from_errno(errno);
    return 0;
}

} // namespace

engine engine::resolved() const {
    return {or_default(program, "gpg-name"), or_default(home, "homedir")};
}

outcome<void> check_engine(const engine& from) {
    const auto with = from.resolved();
    if (const auto program = check_program(with.program); !program) return program.error();
    return check_home(with.home);
}

outcome<context> context::make(const engine& with, const pass_phrase& phrase) {
    initialise();
    auto resolved = with.resolved();
    if (const auto checked = check_engine(resolved); !checked) return checked.error();
    if (phrase.text().text().find('\n') != std::string_view::npos)
        return failure{failure_kind::pass_phrase, "a GPG pass phrase cannot hold a line feed"};
    gpgme_ctx_t made = nullptr;
    gpgme_error_t error = ::gpgme_new(&made);
    owner handle{made};
    if (error == 0) error = ::gpgme_set_protocol(made, GPGME_PROTOCOL_OpenPGP);
    if (error == 0)
        error = ::gpgme_ctx_set_engine_info(made, GPGME_PROTOCOL_OpenPGP, resolved.program.c_str(),
                                            resolved.home.c_str());
    // GPGME has asked the program for its version, and goes on with 1.0.0 if there was no answer.
    const auto* const info = error == 0 ? ::gpgme_ctx_get_engine_info(made) : nullptr;
    if (info != nullptr &&
        (info->version == nullptr || ::strverscmp(info->version, oldest_version) < 0))
        error = error_of(GPG_ERR_INV_ENGINE);
    if (error == 0 && phrase.where() != pass_phrase::source::agent) {
        // Loopback: the agent asks gpg, gpg asks us, and no window opens.
        error = ::gpgme_set_pinentry_mode(made, GPGME_PINENTRY_MODE_LOOPBACK);
        ::gpgme_set_passphrase_cb(made, answer, const_cast<pass_phrase*>(&phrase));
    }
    context ready{std::move(handle), std::move(resolved), phrase.where()};
    if (error != 0) return explain(error, "cannot start GPG", ready);
    return ready;
}

data::data(std::span<const std::uint8_t> content) : buffer_{content}, used_{content.size()} {
    open();
}

data::data(std::size_t limit) : buffer_{limit} {
    open();
}

void data::open() {
    static gpgme_data_cbs callbacks{&data::read, &data::write, nullptr, nullptr};
    if (::gpgme_data_new_from_cbs(&handle_, &callbacks, this) != 0) {
        handle_ = nullptr;
        return;
    }
    // What is under way inside GPGME is wiped, too.
    ::gpgme_data_set_flag(handle_, "sensitive", "1");
}

data::~data() {
    if (handle_ != nullptr) ::gpgme_data_release(handle_);
}

ssize_t data::read(void* self, void* to, std::size_t size) {
    auto& from = *static_cast<data*>(self);
    const auto count = std::min(size, from.used_ - from.at_);
    std::copy_n(from.buffer_.bytes().data() + from.at_, count, static_cast<std::uint8_t*>(to));
    from.at_ += count;
    return static_cast<ssize_t>(count);
}

ssize_t data::write(void* self, const void* from, std::size_t size) {
    auto& to = *static_cast<data*>(self);
    if (size > to.buffer_.size() - to.used_) {
        to.overflowed_ = true;
        errno = EFBIG;
        return -1;
    }
    std::copy_n(static_cast<const std::uint8_t*>(from), size, to.buffer_.bytes().data() + to.used_);
    to.used_ += size;
    return static_cast<ssize_t>(size);
}

secret_bytes data::take() {
    buffer_.truncate(used_);
    return std::move(buffer_);
}

failure explain(gpgme_error_t error, std::string_view what, const context& in) {
    const std::string begin{what};
    const auto [program, home] = std::pair{in.with().program, in.with().home};
    switch (::gpgme_err_code(error)) {
    case GPG_ERR_INV_ENGINE:
        return {failure_kind::program,
                begin + ": '" + program + "' is no GnuPG, or one older than " + oldest_version};
    case GPG_ERR_NO_AGENT:
    case GPG_ERR_AGENT:
        return {failure_kind::agent,
                begin + ": no gpg-agent for '" + home + "' runs or can be started"};
    case GPG_ERR_BAD_PASSPHRASE:
        return {failure_kind::pass_phrase, begin + ": the pass phrase is wrong"};
    case GPG_ERR_NO_PASSPHRASE:
    case GPG_ERR_CANCELED:
    case GPG_ERR_FULLY_CANCELED:
    case GPG_ERR_NO_PIN_ENTRY:
    case GPG_ERR_PIN_ENTRY:
    case GPG_ERR_ENOTTY:
    case GPG_ERR_TIMEOUT:
        if (in.phrase_source() == pass_phrase::source::agent)
            return {failure_kind::pass_phrase,
                    begin + ": gpg-agent got no pass phrase (" + ::gpgme_strerror(error) +
                        "): it needs a pinentry that works here, often with GPG_TTY set"};
        return {failure_kind::pass_phrase, begin + ": the secret key needs a pass phrase"};
    case GPG_ERR_NOT_SUPPORTED:
    case GPG_ERR_FORBIDDEN:
        return {failure_kind::agent, begin + ": gpg-agent refuses (" + ::gpgme_strerror(error) +
                                         "): allow-loopback-pinentry must be on"};
    case GPG_ERR_NO_SECKEY:
        return {failure_kind::secret_key, begin + ": no secret key for it in '" + home + "'"};
    case GPG_ERR_NO_DATA:
        return {failure_kind::message, begin + ": not an OpenPGP message"};
    case GPG_ERR_BAD_DATA:
    case GPG_ERR_DECRYPT_FAILED:
        return {failure_kind::message, begin + ": the message is damaged, or not for our keys"};
    default:
        return {failure_kind::internal, begin + ": " + ::gpgme_strerror(error)};
    }
}

} // namespace fwknop::gpg
