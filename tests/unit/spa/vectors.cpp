// SPDX-License-Identifier: Apache-2.0
#include "vectors.hpp"

#include "core/crypto/base64.hpp"

#include <boost/json/src.hpp>

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace fwknop::test {

namespace {

secret_bytes key_of(const boost::json::object& row, const char* name) {
    const auto* const text = row.at(name).if_string();
    if (text == nullptr) return {};
    return crypto::base64_decode_secret({text->data(), text->size()}).value();
}

std::optional<std::string> optional_text(const boost::json::object& row, const char* name) {
    const auto* const text = row.at(name).if_string();
    if (text == nullptr) return std::nullopt;
    return std::string{text->data(), text->size()};
}

std::string text_of(const boost::json::object& row, const char* name) {
    return optional_text(row, name).value_or("");
}

vector read_vector(const boost::json::object& row) {
    vector out;
    out.name = text_of(row, "name");
    out.key = key_of(row, "key_b64");
    out.hmac_key_bytes = key_of(row, "hmac_key_b64");
    if (const auto type = row.at("hmac_type").to_number<unsigned>(); type != 0) {
        out.hmac = static_cast<digest_type>(type);
    }
    out.mode = static_cast<encryption_mode>(row.at("encryption_mode").to_number<unsigned>());
    out.digest = static_cast<digest_type>(row.at("digest_type").to_number<unsigned>());
    out.encoded = text_of(row, "encoded");
    out.digest_text = text_of(row, "digest");
    out.hmac_text = text_of(row, "hmac");
    out.packet = text_of(row, "packet");

    out.fields.random_value = out.encoded.substr(0, random_value_size);
    out.fields.user = text_of(row, "username");
    out.fields.type = static_cast<message_type>(row.at("message_type").to_number<unsigned>());
    out.fields.text = text_of(row, "message");
    out.fields.nat_access = optional_text(row, "nat_access");
    out.fields.server_auth = optional_text(row, "server_auth");
    out.fields.client_timeout = row.at("client_timeout").to_number<std::uint32_t>();
    // Random value, user, then the time and the version.
    const std::size_t user_end = out.encoded.find(':', random_value_size + 1);
    const std::size_t time_end = out.encoded.find(':', user_end + 1);
    const std::size_t version_end = out.encoded.find(':', time_end + 1);
    out.fields.time = std::stoll(out.encoded.substr(user_end + 1, time_end - user_end - 1));
    out.fields.version = out.encoded.substr(time_end + 1, version_end - time_end - 1);
    return out;
}

} // namespace

std::vector<vector> load_vectors() {
    const std::string path = std::string{FWKNOP_VECTORS} + "/format3.json";
    std::ifstream file{path};
    if (!file) throw std::runtime_error{"cannot open " + path};
    const std::string text{std::istreambuf_iterator<char>{file}, {}};

    std::vector<vector> out;
    const auto document = boost::json::parse(text);
    for (const auto& row : document.as_object().at("vectors").as_array()) {
        out.push_back(read_vector(row.as_object()));
    }
    return out;
}

bool must_be_rejected(const vector& each) {
    return each.mode == encryption_mode::pcbc || each.name == "user-xxxxxxxxx";
}

std::optional<hmac_key> make_hmac(const vector& each) {
    if (!each.hmac) return std::nullopt;
    return hmac_key::make(*each.hmac, each.hmac_key_bytes).value();
}

} // namespace fwknop::test
