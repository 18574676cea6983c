// SPDX-License-Identifier: Apache-2.0
#include "incumbent/libfko.hpp"

#include <ctime>
#include <memory>

#include <fko.h>

// Leaks and reads past the end that are the library's own are not ours to report: those of our
// code, which it never calls, still are.
extern "C" {
const char* __lsan_default_suppressions();
const char* __asan_default_suppressions();
// NOLINTNEXTLINE(bugprone-reserved-identifier): the sanitizers' name
const char* __lsan_default_suppressions() {
    return "leak:libfko.so\n";
}
// NOLINTNEXTLINE(bugprone-reserved-identifier): likewise
const char* __asan_default_suppressions() {
    return "interceptor_via_lib:libfko.so\n";
}
}

namespace fwknop::fuzz {

namespace {

struct context_closer {
    void operator()(fko_ctx_t context) const noexcept { static_cast<void>(fko_destroy(context)); }
};
using context_ptr = std::unique_ptr<fko_context, context_closer>;

template <class Get>
std::string text_of(Get get, fko_ctx_t context) {
    char* text = nullptr;
    return get(context, &text) == FKO_SUCCESS && text != nullptr ? text : "";
}

template <class Number, class Get>
Number number_of(Get get, fko_ctx_t context) {
    Number number{};
    static_cast<void>(get(context, &number));
    return number;
}

} // namespace

std::string to_string(const told& what) {
    const auto number = [](std::int64_t value) { return std::to_string(value); };
    return "random " + what.random_value + ", user '" + what.user + "', time " + number(what.time) +
           ", version '" + what.version + "', type " + number(what.type) + ", text '" + what.text +
           "', NAT '" + what.nat_access + "', auth '" + what.server_auth + "', timeout " +
           number(what.client_timeout) + ", digest " + number(what.digest) + " '" +
           what.digest_text + "'";
}

std::optional<incumbent_verdict> ask_incumbent(std::string_view payload, const opening& how) {
    const std::string packet{payload};
    if (fko_encryption_type(packet.c_str()) == FKO_ENCRYPTION_GPG) return std::nullopt;
    const std::string pass{how.pass_phrase};
    const std::string hmac{how.hmac_key};
    incumbent_verdict out;
    fko_ctx_t made = nullptr;
    out.error =
        fko_new_with_data(&made, packet.c_str(), pass.c_str(), static_cast<int>(pass.size()),
                          static_cast<int>(how.mode), hmac.empty() ? nullptr : hmac.c_str(),
                          static_cast<int>(hmac.size()), static_cast<int>(how.hmac));
    if (out.error != FKO_SUCCESS) return out; // nothing is left to close then
    const context_ptr context{made};
    out.what = {.random_value = text_of(fko_get_rand_value, made),
                .user = text_of(fko_get_username, made),
                .time = number_of<std::time_t>(fko_get_timestamp, made),
                .version = text_of(fko_get_version, made),
                .type = number_of<short>(fko_get_spa_message_type, made),
                .text = text_of(fko_get_spa_message, made),
                .nat_access = text_of(fko_get_spa_nat_access, made),
                .server_auth = text_of(fko_get_spa_server_auth, made),
                .client_timeout = number_of<int>(fko_get_spa_client_timeout, made),
                .digest = number_of<short>(fko_get_spa_digest_type, made),
                .digest_text = text_of(fko_get_spa_digest, made)};
    return out;
}

const char* incumbent_words(int error) {
    return fko_errstr(error);
}

} // namespace fwknop::fuzz
