// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/file_reader.hpp"

#include <boost/system/errc.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace fwknop {

/// Files that exist in a map only.
class memory_reader : public file_reader {
  public:
    struct entry {
        std::string text;
        bool mode_is_0600 = true;
        bool owned_by_us = true;
    };

    memory_reader() = default;
    memory_reader(std::initializer_list<std::pair<const std::string, std::string>> files) {
        for (const auto& [path, text] : files) files_[path].text = text;
    }

    [[nodiscard]] entry& operator[](const std::string& path) { return files_[path]; }

    result<file_text> read(const std::string& path) override {
        const auto found = files_.find(path);
        if (found == files_.end()) {
            return make_error_code(boost::system::errc::no_such_file_or_directory);
        }
        const auto& file = found->second;
        return file_text{secret_bytes::from_text(file.text), file.mode_is_0600, file.owned_by_us};
    }

    result<std::vector<std::string>> list_folder(const std::string& path) override {
        std::vector<std::string> names;
        // Backwards: nobody may rely on an order.
        for (auto file = files_.rbegin(); file != files_.rend(); ++file) {
            const auto slash = file->first.rfind('/');
            if (file->first.substr(0, slash) == path)
                names.push_back(file->first.substr(slash + 1));
        }
        if (names.empty()) return make_error_code(boost::system::errc::no_such_file_or_directory);
        return names;
    }

  private:
    std::map<std::string, entry> files_;
};

} // namespace fwknop
