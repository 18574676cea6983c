// SPDX-License-Identifier: Apache-2.0
//
// The attack this file answers: a worker that a hostile message has taken over writes whatever it
// likes. The reader believes no length, and an answer is data only: whether its signatures will do
// is for the policy.

#include "gpg/worker.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include <sys/resource.h>
#include <unistd.h>

namespace fwknop::gpg {
namespace {

/// A folder's path, a pass phrase, a few messages of a packet's size.
constexpr std::size_t max_request_size = 64 * 1024;
/// Behind whoever has to do with other packets.
constexpr int worker_niceness = 10;
/// One message with more signatures than that is nobody's packet.
constexpr std::size_t max_signatures = 16;

enum class answer_kind : std::uint8_t {
    decrypted = 'D',
    failed = 'F',
};

/// Numbers in the machine's own order, blocks with their length in front. Without a buffer it
/// counts how long one must be.
class writer {
  public:
    writer() = default;
    explicit writer(std::span<std::uint8_t> to) : to_{to} {}

    void number(std::uint32_t value) { raw(&value, sizeof value); }
    void block(std::span<const std::uint8_t> bytes) {
        number(static_cast<std::uint32_t>(bytes.size()));
        raw(bytes.data(), bytes.size());
    }
    void block(std::string_view text) {
        block(std::span{reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

  private:
    void raw(const void* from, std::size_t size) {
        if (size > 0 && size_ + size <= to_.size()) std::memcpy(to_.data() + size_, from, size);
        size_ += size;
    }
    std::span<std::uint8_t> to_;
    std::size_t size_ = 0;
};

template <class Put>
secret_bytes write(const Put& put) {
    writer count;
    put(count);
    secret_bytes out{count.size()};
    writer to{out.bytes()};
    put(to);
    return out;
}

class reader {
  public:
    explicit reader(std::span<const std::uint8_t> from) : rest_{from} {}

    std::uint32_t number() {
        std::uint32_t value = 0;
        const auto bytes = raw(sizeof value);
        if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof value);
        return value;
    }
    std::span<const std::uint8_t> block() { return raw(number()); }
    std::string text() {
        const auto bytes = block();
        return {bytes.begin(), bytes.end()};
    }
    /// Everything was there, and nothing is left.
    [[nodiscard]] bool complete() const noexcept { return good_ && rest_.empty(); }
    [[nodiscard]] bool good() const noexcept { return good_; }

  private:
    std::span<const std::uint8_t> raw(std::size_t size) {
        if (size > rest_.size()) {
            good_ = false;
            rest_ = {};
        }
        if (!good_) return {};
        const auto out = rest_.first(size);
        rest_ = rest_.subspan(size);
        return out;
    }
    std::span<const std::uint8_t> rest_;
    bool good_ = true;
};

struct request {
    engine with;
    pass_phrase phrase = pass_phrase::none();
    std::vector<std::vector<std::uint8_t>> messages;
};

std::optional<request> read_request(std::span<const std::uint8_t> bytes) {
    reader from{bytes};
    request out;
    out.with.home = from.text();
    const bool given = from.number() != 0;
    const auto phrase = from.block();
    if (given) out.phrase = pass_phrase::given(secret_bytes{phrase});
    const auto count = from.number();
    for (std::uint32_t i = 0; i < count && from.good(); ++i) {
        const auto message = from.block();
        out.messages.emplace_back(message.begin(), message.end());
    }
    if (!from.complete() || out.messages.empty()) return std::nullopt;
    return out;
}

std::optional<secret_bytes> read_all(int input) {
    secret_bytes buffer{max_request_size};
    std::size_t size = 0;
    while (size < buffer.size()) {
        const ssize_t got = ::read(input, buffer.bytes().data() + size, buffer.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return std::nullopt;
        if (got == 0) {
            buffer.truncate(size);
            return buffer;
        }
        size += static_cast<std::size_t>(got);
    }
    return std::nullopt;
}

bool write_all(int output, std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
        const ssize_t put = ::write(output, bytes.data(), bytes.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return false;
        bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return true;
}

/// Another message of the same packet would fail for the same reason.
bool is_about_the_message(failure_kind kind) noexcept {
    return kind == failure_kind::message || kind == failure_kind::secret_key;
}

outcome<decrypted> decrypt_first(const request& asked) {
    outcome<decrypted> out = failure{failure_kind::internal, "there is no message"};
    for (const auto& message : asked.messages) {
        out = decrypt(asked.with, asked.phrase, message);
        if (out || !is_about_the_message(out.error().kind)) break;
    }
    return out;
}

secret_bytes write_answer(const outcome<decrypted>& done) {
    return write([&](writer& to) {
        if (!done) {
            to.number(static_cast<std::uint32_t>(answer_kind::failed));
            to.number(static_cast<std::uint32_t>(done.error().kind));
            to.block(done.error().text);
            return;
        }
        to.number(static_cast<std::uint32_t>(answer_kind::decrypted));
        to.block(done->plain.bytes());
        const auto count = std::min(done->signatures.size(), max_signatures);
        to.number(static_cast<std::uint32_t>(count));
        for (const auto& each : std::span{done->signatures}.first(count)) {
            to.block(each.fingerprint);
            to.block(each.primary_fingerprint);
            to.number(static_cast<std::uint32_t>(each.state));
            to.number(static_cast<std::uint32_t>(each.validity));
            to.number(each.summary);
            to.number(each.status);
        }
    });
}

/// A number from `from` as an enumerator up to `last`; beyond: none.
template <class Enum>
std::optional<Enum> enumerator(reader& from, Enum last) {
    const auto value = from.number();
    if (value > static_cast<std::uint32_t>(last)) return std::nullopt;
    return static_cast<Enum>(value);
}

std::optional<outcome<decrypted>> parse_answer(std::span<const std::uint8_t> bytes) {
    reader from{bytes};
    const auto what = from.number();
    if (what == static_cast<std::uint32_t>(answer_kind::failed)) {
        const auto kind = enumerator(from, failure_kind::internal);
        auto sentence = from.text();
        if (!kind || !from.complete()) return std::nullopt;
        return failure{*kind, std::move(sentence)};
    }
    if (what != static_cast<std::uint32_t>(answer_kind::decrypted)) return std::nullopt;
    const auto plain = from.block();
    if (plain.size() > max_plain_size) return std::nullopt;
    decrypted out{secret_bytes{plain}, {}};
    const auto count = from.number();
    if (count > max_signatures) return std::nullopt;
    for (std::uint32_t i = 0; i < count; ++i) {
        gpg_signature one;
        one.fingerprint = from.text();
        one.primary_fingerprint = from.text();
        const auto state = enumerator(from, signature_state::unverifiable);
        const auto validity = enumerator(from, key_validity::ultimate);
        one.summary = from.number();
        one.status = from.number();
        if (!state || !validity) return std::nullopt;
        one.state = *state;
        one.validity = *validity;
        out.signatures.push_back(std::move(one));
    }
    if (!from.complete()) return std::nullopt;
    return out;
}

} // namespace

secret_bytes write_request(std::string_view home, const pass_phrase& phrase,
                           std::span<const std::vector<std::uint8_t>> messages) {
    return write([&](writer& to) {
        to.block(home);
        to.number(phrase.where() == pass_phrase::source::given ? 1 : 0);
        to.block(phrase.text().bytes());
        to.number(static_cast<std::uint32_t>(messages.size()));
        for (const auto& message : messages) to.block(message);
    });
}

int run_worker(std::string program, int input, int output) {
    // A few of these must not take the machine from the packets that need none. (If we may not, we
    // are as fast as others.)
    static_cast<void>(::setpriority(PRIO_PROCESS, 0, worker_niceness));
    const auto bytes = read_all(input);
    if (!bytes) return 1;
    auto asked = read_request(bytes->bytes());
    if (!asked) return 1;
    asked->with.program = std::move(program);
    const auto answer = write_answer(decrypt_first(*asked));
    return write_all(output, answer.bytes()) ? 0 : 1;
}

outcome<decrypted> read_answer(std::string text) {
    auto parsed = parse_answer({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    wipe(text.data(), text.size());
    if (!parsed) return failure{failure_kind::internal, "a worker for GPG gave no answer"};
    return *std::move(parsed);
}

} // namespace fwknop::gpg
