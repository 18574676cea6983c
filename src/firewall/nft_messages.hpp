// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/nft_element.hpp"
#include "firewall/nft_ledger.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

struct nlmsghdr;

// The kernel's nf_tables messages as bytes, written and read. Nothing here touches a socket.
// Source: linux/netfilter/nf_tables.h and nfnetlink.h.

namespace fwknop {

/// The kernel's number for a family.
[[nodiscard]] std::uint16_t number_of(nft_family family);

/// A transaction on the sets of one table: takes effect whole or not at all.
class nft_transaction {
  public:
    /// Its messages are numbered from `sequence` on.
    nft_transaction(nft_home home, std::uint32_t sequence);

    /// Brings one element in line. An element that may be there already is added (which leaves it
    /// as it is), deleted and added anew: old kernels cannot give it another end, and none deletes
    /// what is not there. For packets there is no moment without it. `tag` comes back with errors.
    void step(const nft_step& step, std::size_t tag);

    /// Adds an element that is not there for sure.
    void add(const nft_step& step, std::size_t tag);

    /// Empties a set, by its whole name.
    void flush(const std::string& set, std::size_t tag);

    /// The bytes to send, complete. To be called once.
    [[nodiscard]] std::span<const std::uint8_t> finish();

    [[nodiscard]] std::size_t messages() const noexcept { return tags_.size(); }
    [[nodiscard]] std::uint32_t next_sequence() const noexcept;

    /// The message that the kernel acknowledges, all going well.
    [[nodiscard]] std::uint32_t last_sequence() const noexcept;

    /// What a message was written for; nothing if the number is none of them.
    [[nodiscard]] std::optional<std::size_t> tag_of(std::uint32_t sequence) const noexcept;

  private:
    void put(std::uint16_t type, std::uint16_t flags, const std::string& set,
             const nft_element* element, const nft_bytes* value, std::chrono::milliseconds timeout,
             std::size_t tag);

    nft_home home_;
    std::uint32_t first_;
    std::vector<std::uint8_t> bytes_;
    std::vector<std::size_t> tags_; ///< of each message after the first, which begins the batch
    std::size_t last_at_ = 0;       ///< where the last message begins in `bytes_`
};

/// One error the kernel reports.
struct nft_reply_error {
    std::uint32_t sequence = 0;
    int number = 0;   ///< an errno, above zero
    std::string text; ///< the kernel's own words, if it has any
};

/// What came back so far.
struct nft_replies {
    std::vector<nft_reply_error> errors;
    bool last_seen = false; ///< the message asked about is answered

    /// Reads what one receive call brought; `last` is the message asked about. False: not what a
    /// kernel writes.
    [[nodiscard]] bool read(std::span<const std::uint8_t> messages, std::uint32_t last);
};

/// What one of our sets holds, as the kernel says.
struct nft_listed_element {
    std::vector<std::uint8_t> key;
    std::optional<std::chrono::milliseconds> left; ///< none: it has no end
};

/// One chain, rule or set: enough to see whether it is still the same one.
struct nft_object {
    enum class kind : std::uint8_t {
        chain,
        rule,
        set,
    };
    kind what = kind::chain;
    std::string name; ///< of a rule: its chain's
    std::uint64_t handle = 0;
    std::string comment = {};               ///< of a rule
    std::optional<std::uint32_t> hook = {}; ///< of a base chain: as linux/netfilter.h counts them

    // clang-tidy 14 sees a null pointer in what the compiler writes for this.
    // NOLINTNEXTLINE(modernize-use-nullptr)
    friend auto operator<=>(const nft_object&, const nft_object&) noexcept = default;
};

/// Requests for everything of a kind in a table, for the elements of a set by its whole name.
[[nodiscard]] std::vector<std::uint8_t> list_request(nft_object::kind what, const nft_home& home,
                                                     std::uint32_t sequence);
[[nodiscard]] std::vector<std::uint8_t>
elements_request(const nft_home& home, const std::string& set, std::uint32_t sequence);

/// What an answer to these holds. Of other tables: nothing.
[[nodiscard]] std::optional<nft_object> read_object(const nlmsghdr& message, const nft_home& home);
[[nodiscard]] std::vector<nft_listed_element> read_elements(const nlmsghdr& message);

/// Whether somebody's change, as the kernel announces it, is one of the table or of a chain, rule
/// or set in it. Elements come and go all the time and do not count.
[[nodiscard]] bool touches_table(std::span<const std::uint8_t> messages, const nft_home& home);

} // namespace fwknop
