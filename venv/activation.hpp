// thrum/venv/activation.hpp: floor 5, venv
// The scripts that make a shell use an environment, and the quoting that keeps a path from becoming a
// command.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace thrum::venv {

struct ActivationScript {
    std::string name = {};  // "activate.fish"
    std::string text = {};
};

// The scripts of an environment at `folder` (absolute) whose programs are in `folder`/`scripts`, showing
// `prompt`: activate (bash, zsh, dash and other POSIX shells), activate.csh (csh, tcsh), activate.fish,
// Activate.ps1, activate.bat, deactivate.bat. Python makes no .bat on Linux; they are for folders that a cmd
// sees, too. Where the folder holds a line break, activate.csh only says that csh cannot take it. Any bytes
// are safe in both: they are data in every script (CVE-2024-9287, CVE-2024-53899), and in the prompt that a
// shell expands again each time it shows it, only plain_prompt() appears.
std::vector<ActivationScript> activation_scripts(const std::filesystem::path& folder,
                                                 std::string_view scripts, std::string_view prompt);

// What a user of the shell `shell` ("/usr/bin/fish", as in $SHELL; POSIX where unknown) types to activate the
// environment at `folder`, as that shell quotes it.
std::string activation_command(std::string_view shell, const std::filesystem::path& folder);

// `text` with "_" for each character that bash, zsh or dash give a meaning to inside PS1 ($ ` \ ! %) and for
// control characters.
std::string plain_prompt(std::string_view text);

// `text` as one word of the language, whatever it holds but NUL.
std::string posix_quote(std::string_view text);
std::string fish_quote(std::string_view text);
// csh takes "!" even between quotes, and "\" there by its setting; a line break becomes "_".
std::string csh_quote(std::string_view text);
// A PowerShell verbatim string: besides ' it ends at U+2018 to U+201B, too.
std::string powershell_quote(std::string_view text);
// For cmd, which has no quoting that holds: what is not an ASCII letter, digit, space or one of "_-+.,@#()"
// is "_".
std::string batch_text(std::string_view text);

}  // namespace thrum::venv
