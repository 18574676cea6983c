// SPDX-License-Identifier: Apache-2.0
#include "client/completion.hpp"

#include "client/options.hpp"

#include <array>
#include <string_view>

namespace fwknop::client {
namespace {

/// What a value is, judged by what `--help` calls it.
enum class completes {
    nothing,
    files,
    folders,
    hosts,
    stanzas,
    words, ///< see `words_of`
};

struct value_kind {
    std::string_view argument;
    completes with;
    std::string_view words = {};
};

constexpr std::array value_kinds{
    value_kind{"FILE", completes::files},
    value_kind{"DIR", completes::folders},
    value_kind{"HOST", completes::hosts},
    value_kind{"HOST[:PORT]", completes::hosts},
    value_kind{"NAME", completes::stanzas},
    value_kind{"PROTO", completes::words, "udp tcp http udpraw tcpraw icmp"},
    value_kind{"TYPE", completes::words, "md5 sha1 sha256 sha384 sha512 sha3_256 sha3_512"},
    value_kind{"MODE", completes::words, "CBC CTR CFB OFB ECB legacy Asymmetric"},
};

value_kind kind_of(const option_row& row) {
    for (const auto& each : value_kinds)
        if (each.argument == row.argument) return each;
    return {row.argument, completes::nothing};
}

constexpr std::string_view list_stanzas =
    R"([ -e ~/.fwknoprc ] && fwknop --stanza-list 2>/dev/null | sed -n 's/^ - //p')";

constexpr std::string_view heading = " completion for fwknop(8), made from the table of its "
                                     "options.\n";

bool wants_value(const option_row& row) {
    return row.kind == option_kind::value || row.kind == option_kind::secret;
}

/// `-n|--named-config`
std::string spellings(const option_row& row, std::string_view between) {
    std::string text;
    if (row.letter != 0) text = std::string{"-"} + row.letter + std::string{between};
    return text + "--" + std::string{row.name};
}

std::string bash_action(const value_kind& kind) {
    switch (kind.with) {
    case completes::files:
        return "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$word\")";
    case completes::folders:
        return "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$word\")";
    case completes::hosts:
        return "mapfile -t COMPREPLY < <(compgen -A hostname -- \"$word\")";
    case completes::stanzas:
        return "mapfile -t COMPREPLY < <(compgen -W \"$(" + std::string{list_stanzas} +
               ")\" -- \"$word\")";
    case completes::words:
        return "mapfile -t COMPREPLY < <(compgen -W '" + std::string{kind.words} +
               "' -- \"$word\")";
    case completes::nothing:
        break;
    }
    return ":";
}

/// `text` with a backslash before each of `special`, inside single quotes of a shell.
std::string quoted(std::string_view text, std::string_view special) {
    std::string out;
    for (const char c : text) {
        if (special.find(c) != std::string_view::npos) out += '\\';
        if (c == '\'')
            out += "'\\''";
        else
            out += c;
    }
    return out;
}

std::string zsh_action(const value_kind& kind) {
    switch (kind.with) {
    case completes::files:
        return "_files";
    case completes::folders:
        return "_files -/";
    case completes::hosts:
        return "_hosts";
    case completes::stanzas:
        return "_fwknop_stanzas";
    case completes::words:
        return "(" + std::string{kind.words} + ")";
    case completes::nothing:
        break;
    }
    return " ";
}

std::string fish_action(const value_kind& kind) {
    switch (kind.with) {
    case completes::files:
        return " -r -F";
    case completes::folders:
        return " -x -a '(__fish_complete_directories)'";
    case completes::hosts:
        return " -x -a '(__fish_print_hostnames)'";
    case completes::stanzas:
        return " -x -a '(__fwknop_stanzas)'";
    case completes::words:
        return " -x -a '" + std::string{kind.words} + "'";
    case completes::nothing:
        break;
    }
    return " -x";
}

} // namespace

std::string bash_completion() {
    std::string names;
    std::string cases;
    for (const auto& row : option_table()) {
        if (!names.empty()) names += ' ';
        names += spellings(row, " ");
        if (wants_value(row))
            cases += "    " + spellings(row, "|") + ")\n        " + bash_action(kind_of(row)) +
                     "\n        return\n        ;;\n";
    }
    return "# bash" + std::string{heading} + R"(_fwknop() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    # --name=value comes as three words.
    if [ "$word" = = ]; then
        word=
    elif [ "$before" = = ]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case $before in
)" + cases +
           R"(    esac
    mapfile -t COMPREPLY < <(compgen -W ')" +
           names + R"(' -- "$word")
}
complete -F _fwknop fwknop
)";
}

std::string zsh_completion() {
    std::string text = "#compdef fwknop\n# zsh" + std::string{heading} +
                       "_fwknop_stanzas() {\n    local -a names\n    names=(${(f)\"$(" +
                       std::string{list_stanzas} + ")\"})\n    compadd -a names\n}\n_arguments -s";
    for (const auto& row : option_table()) {
        const bool takes = row.kind != option_kind::flag;
        const std::string equals = takes ? "=" : "";
        text += " \\\n    ";
        if (row.letter != 0)
            text += "'(" + spellings(row, " ") + ")'{-" + row.letter + ",--" +
                    std::string{row.name} + equals + "}'";
        else
            text += "'--" + std::string{row.name} + equals;
        if (row.kind == option_kind::optional_value) text += "-";
        text += "[" + quoted(row.help, "[]:\\") + "]";
        if (takes)
            text += (row.kind == option_kind::optional_value ? "::" : ":") +
                    quoted(row.argument, "[]:\\") + ":" + zsh_action(kind_of(row));
        text += "'";
    }
    return text + "\n";
}

std::string fish_completion() {
    std::string text = "# fish" + std::string{heading} +
                       "function __fwknop_stanzas\n    test -e "
                       "~/.fwknoprc; and fwknop --stanza-list 2>/dev/null | "
                       "string replace -rf '^ - ' ''\nend\ncomplete -c fwknop -f\n";
    for (const auto& row : option_table()) {
        text += "complete -c fwknop";
        if (row.letter != 0) text += std::string{" -s "} + row.letter;
        text += " -l " + std::string{row.name};
        if (wants_value(row)) text += fish_action(kind_of(row));
        if (!row.help.empty()) text += " -d '" + quoted(row.help, "\\") + "'";
        text += '\n';
    }
    return text;
}

} // namespace fwknop::client
