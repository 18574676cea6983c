// SPDX-License-Identifier: Apache-2.0
#include "client/stanza_saver.hpp"

#include "client/files.hpp"
#include "client/key_generation.hpp"
#include "client/rc_file.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ostream>
#include <utility>

namespace fwknop::client {

checked<std::string> stanza_to_save(const settings& options, const user_files& files,
                                    const rc_files& rc) {
    const auto& name = options.stanza.empty() ? options.destination : options.stanza;
    if (files.rc.empty()) return failure("--save-rc-stanza needs an rc file.");
    if (name.empty())
        return failure("--save-rc-stanza needs the stanza's name: use -n, or --destination.");
    if (!fits_stanza_name(name))
        return failure("--save-rc-stanza: '" + name + "' cannot be the name of a stanza.");
    for (const auto& each : rc.texts) {
        if (each.name == files.rc.string()) continue;
        if (stanza_exists(each.text, name))
            return failure("--save-rc-stanza: stanza '" + name + "' is in " + each.name +
                           ", which would override it: change it there.");
    }
    return name;
}

checked<void> apply_kept_keys(settings& to, const rc_files& rc, const std::string& stanza) {
    const auto there = [&](const rc_text& each) { return stanza_exists(each.text, stanza); };
    if (std::none_of(rc.texts.begin(), rc.texts.end(), there)) return {};
    settings old;
    if (const auto applied = apply_rc(old, rc.texts, stanza); !applied) return applied.error();
    to.key = std::move(old.key);
    to.key_command = std::move(old.key_command);
    to.hmac_key = std::move(old.hmac_key);
    to.gpg_recipient = std::move(old.gpg_recipient);
    to.gpg_signer = std::move(old.gpg_signer);
    to.gpg_password = std::move(old.gpg_password);
    return {};
}

checked<bool> save_stanza(const std::string& stanza, std::vector<rc_entry> entries,
                          const settings& from, const stanza_place& place) {
    const auto path = place.files.rc.string();
    const auto old = std::find_if(place.rc.texts.begin(), place.rc.texts.end(),
                                  [&](const rc_text& each) { return each.name == path; });
    const auto text = old == place.rc.texts.end() ? std::string_view{} : old->text;
    const auto fresh = write_stanza(text, stanza, entries, [&](std::string_view name) {
        return from.force_stanza ||
               place.confirm("Variable '" + std::string{name} + "' found in stanza '" + stanza +
                             "'. Overwrite [N/y] ? ");
    });
    // What is written can be read again, or it is not written.
    settings again;
    const std::array texts{rc_text{path, fresh.text()}};
    if (const auto read = apply_rc(again, texts, stanza); !read)
        return failure("--save-rc-stanza would write what cannot be read, so nothing is written: " +
                       read.error().text);
    if (const auto done = write_private_file(place.files.rc, fresh.text(), write_mode::replace);
        !done)
        return failure("Unable to write rc file: " + done.error().text);
    return std::any_of(entries.begin(), entries.end(),
                       [](const rc_entry& each) { return is_secret_directive(each.name); });
}

checked<int> generate_stanza(const std::string& stanza, std::vector<rc_entry> entries,
                             const settings& from, const stanza_place& place, std::ostream& out) {
    auto material = make_keys(from);
    if (!material) return material.error();
    if (!from.key_gen_file.empty())
        return failure("--save-rc-stanza and --key-gen-file exclude each other.");
    std::erase_if(entries, [](const rc_entry& each) { return is_secret_directive(each.name); });
    entries.push_back({"KEY_BASE64", std::move(material->encryption_key)});
    entries.push_back({"HMAC_KEY_BASE64", std::move(material->hmac_key)});
    const auto written = save_stanza(stanza, std::move(entries), from, place);
    if (!written) return written.error();
    if (*written)
        out << "[+] Wrote Rijndael and HMAC keys to rc file: " << place.files.rc.string() << '\n';
    return EXIT_SUCCESS;
}

} // namespace fwknop::client
