// thrum/venv/internal/activation_scripts.hpp: floor 5, venv
// The texts of the activation scripts. @ROOT@, @BIN@, @PROMPT@ and @PLAIN_PROMPT@ become quoted words of the
// language.
//
// The names _OLD_VIRTUAL_PATH, _OLD_VIRTUAL_PYTHONHOME, _OLD_VIRTUAL_PS1, _OLD_FISH_PROMPT_OVERRIDE and
// `deactivate nondestructive` are an interface between environments of all makers: activating one leaves the
// other.
#pragma once

namespace thrum::venv::internal {

inline constexpr char posix_activation[] =
    R"script(# Made by thrum venv. In bash, zsh or another POSIX shell:  . path/to/bin/activate
# Leave the environment with:  deactivate

# Another active environment is left first, by its own function.
if [ "$(command -v deactivate 2>/dev/null || true)" = deactivate ]; then
    deactivate nondestructive
fi

deactivate () {
    if [ -n "${_OLD_VIRTUAL_BIN-}" ]; then
        # Only the environment's own entry leaves PATH: what was added meanwhile stays.
        case ":${PATH-}:" in
            *":$_OLD_VIRTUAL_BIN:"*)
                _OLD_VIRTUAL_PATH=":$PATH:"
                PATH=${_OLD_VIRTUAL_PATH%%":$_OLD_VIRTUAL_BIN:"*}:${_OLD_VIRTUAL_PATH#*":$_OLD_VIRTUAL_BIN:"}
                PATH=${PATH#:}
                PATH=${PATH%:}
                ;;
        esac
        export PATH
        unset _OLD_VIRTUAL_BIN _OLD_VIRTUAL_PATH
    fi
    if [ -n "${_OLD_VIRTUAL_PYTHONHOME+set}" ]; then
        PYTHONHOME=$_OLD_VIRTUAL_PYTHONHOME
        export PYTHONHOME
        unset _OLD_VIRTUAL_PYTHONHOME
    fi
    if [ -n "${_OLD_VIRTUAL_PS1+set}" ]; then
        PS1=$_OLD_VIRTUAL_PS1
        unset _OLD_VIRTUAL_PS1
    fi
    # A shell started inside an active environment goes back to that one.
    unset VIRTUAL_ENV VIRTUAL_ENV_PROMPT
    if [ -n "${_OLD_VIRTUAL_ENV+set}" ]; then
        VIRTUAL_ENV=$_OLD_VIRTUAL_ENV
        export VIRTUAL_ENV
        unset _OLD_VIRTUAL_ENV
    fi
    if [ -n "${_OLD_VIRTUAL_ENV_PROMPT+set}" ]; then
        VIRTUAL_ENV_PROMPT=$_OLD_VIRTUAL_ENV_PROMPT
        export VIRTUAL_ENV_PROMPT
        unset _OLD_VIRTUAL_ENV_PROMPT
    fi
    hash -r 2>/dev/null || true
    if [ "${1-}" != nondestructive ]; then
        unset -f deactivate
    fi
}

if [ -n "${VIRTUAL_ENV+set}" ]; then
    _OLD_VIRTUAL_ENV=$VIRTUAL_ENV
fi
if [ -n "${VIRTUAL_ENV_PROMPT+set}" ]; then
    _OLD_VIRTUAL_ENV_PROMPT=$VIRTUAL_ENV_PROMPT
fi
VIRTUAL_ENV=@ROOT@
VIRTUAL_ENV_PROMPT=@PROMPT@
export VIRTUAL_ENV VIRTUAL_ENV_PROMPT

_OLD_VIRTUAL_PATH=${PATH-}
_OLD_VIRTUAL_BIN=@BIN@
PATH=$_OLD_VIRTUAL_BIN${PATH:+:$PATH}
export PATH

# PYTHONHOME would send the environment's Python elsewhere.
if [ -n "${PYTHONHOME+set}" ]; then
    _OLD_VIRTUAL_PYTHONHOME=$PYTHONHOME
    unset PYTHONHOME
fi

# A shell that is not interactive may have no prompt to change.
if [ -z "${VIRTUAL_ENV_DISABLE_PROMPT-}" ] && [ -n "${PS1+set}" ]; then
    _OLD_VIRTUAL_PS1=$PS1
    PS1='('@PLAIN_PROMPT@') '$PS1
fi

hash -r 2>/dev/null || true
)script";

inline constexpr char fish_activation[] =
    R"script(# Made by thrum venv. In fish:  source path/to/bin/activate.fish
# Leave the environment with:  deactivate

# Another active environment is left first, by its own function.
if functions -q deactivate
    deactivate nondestructive
end

function deactivate -d 'Leave the virtual environment'
    if set -q _OLD_VIRTUAL_BIN
        # Only the environment's own entry leaves PATH: what was added meanwhile stays.
        if set -l place (contains -i -- $_OLD_VIRTUAL_BIN $PATH)
            set -e PATH[$place]
        end
        set -e _OLD_VIRTUAL_BIN
        set -e _OLD_VIRTUAL_PATH
    end
    if set -q _OLD_VIRTUAL_PYTHONHOME
        set -gx PYTHONHOME $_OLD_VIRTUAL_PYTHONHOME
        set -e _OLD_VIRTUAL_PYTHONHOME
    end
    if set -q _OLD_FISH_PROMPT_OVERRIDE
        set -e _OLD_FISH_PROMPT_OVERRIDE
        if functions -q _old_fish_prompt
            functions -e fish_prompt
            functions -c _old_fish_prompt fish_prompt
            functions -e _old_fish_prompt
        end
    end
    # A shell started inside an active environment goes back to that one.
    set -e VIRTUAL_ENV
    set -e VIRTUAL_ENV_PROMPT
    if set -q _OLD_VIRTUAL_ENV
        set -gx VIRTUAL_ENV $_OLD_VIRTUAL_ENV
        set -e _OLD_VIRTUAL_ENV
    end
    if set -q _OLD_VIRTUAL_ENV_PROMPT
        set -gx VIRTUAL_ENV_PROMPT $_OLD_VIRTUAL_ENV_PROMPT
        set -e _OLD_VIRTUAL_ENV_PROMPT
    end
    if test "$argv[1]" != nondestructive
        functions -e deactivate
        functions -e _thrum_return
    end
end

if set -q VIRTUAL_ENV
    set -g _OLD_VIRTUAL_ENV $VIRTUAL_ENV
end
if set -q VIRTUAL_ENV_PROMPT
    set -g _OLD_VIRTUAL_ENV_PROMPT $VIRTUAL_ENV_PROMPT
end
set -gx VIRTUAL_ENV @ROOT@
set -gx VIRTUAL_ENV_PROMPT @PROMPT@

set -g _OLD_VIRTUAL_PATH $PATH
set -g _OLD_VIRTUAL_BIN @BIN@
set -gx PATH $_OLD_VIRTUAL_BIN $PATH

# PYTHONHOME would send the environment's Python elsewhere.
if set -q PYTHONHOME
    set -g _OLD_VIRTUAL_PYTHONHOME $PYTHONHOME
    set -e PYTHONHOME
end

if test -z "$VIRTUAL_ENV_DISABLE_PROMPT"
    function _thrum_return
        return $argv[1]
    end
    functions -c fish_prompt _old_fish_prompt
    # The prompt of before sees the status of the last command as if it stood alone.
    function fish_prompt
        set -l last $status
        printf '(%s) ' @PLAIN_PROMPT@
        _thrum_return $last
        _old_fish_prompt
    end
    set -g _OLD_FISH_PROMPT_OVERRIDE $VIRTUAL_ENV
end
)script";

// csh has no functions: what deactivate must undo is put together here, in aliases, from what was there
// before.
inline constexpr char csh_activation[] =
    R"script(# Made by thrum venv. In csh or tcsh:  source path/to/bin/activate.csh
# Leave the environment with:  deactivate

# Another active environment is left first, by its own alias.
if ( $?_OLD_VIRTUAL_PATH ) then
    deactivate nondestructive
endif

# A shell started inside an active environment goes back to that one.
alias _thrum_leave_env 'unsetenv VIRTUAL_ENV'
if ( $?VIRTUAL_ENV ) then
    set _OLD_VIRTUAL_ENV = "$VIRTUAL_ENV"
    alias _thrum_leave_env 'setenv VIRTUAL_ENV "$_OLD_VIRTUAL_ENV"; unset _OLD_VIRTUAL_ENV'
endif
alias _thrum_leave_name 'unsetenv VIRTUAL_ENV_PROMPT'
if ( $?VIRTUAL_ENV_PROMPT ) then
    set _OLD_VIRTUAL_ENV_PROMPT = "$VIRTUAL_ENV_PROMPT"
    alias _thrum_leave_name 'setenv VIRTUAL_ENV_PROMPT "$_OLD_VIRTUAL_ENV_PROMPT"; unset _OLD_VIRTUAL_ENV_PROMPT'
endif
setenv VIRTUAL_ENV @ROOT@
setenv VIRTUAL_ENV_PROMPT @PROMPT@

set _OLD_VIRTUAL_PATH = "$PATH"
setenv PATH @BIN@:"$PATH"

# PYTHONHOME would send the environment's Python elsewhere.
alias _thrum_leave_home ':'
if ( $?PYTHONHOME ) then
    set _OLD_VIRTUAL_PYTHONHOME = "$PYTHONHOME"
    alias _thrum_leave_home 'setenv PYTHONHOME "$_OLD_VIRTUAL_PYTHONHOME"; unset _OLD_VIRTUAL_PYTHONHOME'
    unsetenv PYTHONHOME
endif

# A shell that is not interactive has no prompt to change.
alias _thrum_leave_prompt ':'
set _thrum_prompt = $?prompt
if ( $?VIRTUAL_ENV_DISABLE_PROMPT ) then
    if ( "$VIRTUAL_ENV_DISABLE_PROMPT" != "" ) set _thrum_prompt = 0
endif
if ( $_thrum_prompt ) then
    set _OLD_VIRTUAL_PROMPT = "$prompt"
    alias _thrum_leave_prompt 'set prompt = "$_OLD_VIRTUAL_PROMPT"; unset _OLD_VIRTUAL_PROMPT'
    set prompt = '('@PLAIN_PROMPT@') '"$prompt"
endif
unset _thrum_prompt

alias deactivate ': \!*; setenv PATH "$_OLD_VIRTUAL_PATH"; unset _OLD_VIRTUAL_PATH; rehash; _thrum_leave_home; _thrum_leave_prompt; _thrum_leave_env; _thrum_leave_name; unalias _thrum_leave_home _thrum_leave_prompt _thrum_leave_env _thrum_leave_name deactivate'
rehash
)script";

// For an environment whose path holds a line break: csh reads a word line by line, and no quoting holds in
// each of its versions.
inline constexpr char csh_refusal[] =
    R"script(# Made by thrum venv. In csh or tcsh this environment cannot be activated.
sh -c 'echo "activate.csh: the path of this environment holds a line break, which csh cannot take; move it" >&2'
)script";

// It finds its environment by its own place: the only text in it is the prompt.
inline constexpr char powershell_activation[] =
    R"script(# Made by thrum venv. In PowerShell:  & path/to/bin/Activate.ps1
# Leave the environment with:  deactivate

# Another active environment is left first, by its own function.
if (Test-Path -Path Function:deactivate) {
    deactivate -NonDestructive
}

function global:deactivate ([switch] $NonDestructive) {
    if (Test-Path -Path Variable:_OLD_VIRTUAL_BIN) {
        # Only the environment's own entry leaves PATH: what was added meanwhile stays.
        $Separator = [System.IO.Path]::PathSeparator
        $Removed = $false
        $Kept = foreach ($Entry in $Env:PATH.Split($Separator)) {
            if (-not $Removed -and $Entry -ceq $Global:_OLD_VIRTUAL_BIN) { $Removed = $true } else { $Entry }
        }
        $Env:PATH = $Kept -join $Separator
        Remove-Variable -Name _OLD_VIRTUAL_BIN -Scope Global
        if (Test-Path -Path Env:_OLD_VIRTUAL_PATH) { Remove-Item -Path Env:_OLD_VIRTUAL_PATH }
    }
    if (Test-Path -Path Env:_OLD_VIRTUAL_PYTHONHOME) {
        $Env:PYTHONHOME = $Env:_OLD_VIRTUAL_PYTHONHOME
        Remove-Item -Path Env:_OLD_VIRTUAL_PYTHONHOME
    }
    if (Test-Path -Path Function:_OLD_VIRTUAL_PROMPT) {
        Copy-Item -Path Function:_OLD_VIRTUAL_PROMPT -Destination Function:prompt
        Remove-Item -Path Function:_OLD_VIRTUAL_PROMPT
    }
    # A shell started inside an active environment goes back to that one.
    foreach ($Name in 'VIRTUAL_ENV', 'VIRTUAL_ENV_PROMPT') {
        if (Test-Path -Path "Env:$Name") { Remove-Item -Path "Env:$Name" }
        if (Test-Path -Path "Variable:_OLD_$Name") {
            Set-Item -Path "Env:$Name" -Value (Get-Variable -Name "_OLD_$Name" -Scope Global -ValueOnly)
            Remove-Variable -Name "_OLD_$Name" -Scope Global
        }
    }
    if (-not $NonDestructive) {
        Remove-Item -Path Function:deactivate
    }
}

foreach ($Name in 'VIRTUAL_ENV', 'VIRTUAL_ENV_PROMPT') {
    if (Test-Path -Path "Env:$Name") {
        Set-Variable -Name "_OLD_$Name" -Scope Global -Value (Get-Item -Path "Env:$Name").Value
    }
}
$Env:VIRTUAL_ENV = Split-Path -Parent $PSScriptRoot
$Env:VIRTUAL_ENV_PROMPT = @PROMPT@

$Env:_OLD_VIRTUAL_PATH = $Env:PATH
$Global:_OLD_VIRTUAL_BIN = $PSScriptRoot
$Env:PATH = $PSScriptRoot + [System.IO.Path]::PathSeparator + $Env:PATH

# PYTHONHOME would send the environment's Python elsewhere.
if (Test-Path -Path Env:PYTHONHOME) {
    $Env:_OLD_VIRTUAL_PYTHONHOME = $Env:PYTHONHOME
    Remove-Item -Path Env:PYTHONHOME
}

if (-not $Env:VIRTUAL_ENV_DISABLE_PROMPT) {
    Copy-Item -Path Function:prompt -Destination Function:global:_OLD_VIRTUAL_PROMPT
    function global:prompt {
        '(' + @PLAIN_PROMPT@ + ') ' + (_OLD_VIRTUAL_PROMPT)
    }
}
)script";

// One statement a line, and no blocks: cmd expands a whole block before it runs it, and a ")" inside PATH
// would end it.
inline constexpr char batch_activation[] = R"script(@echo off
rem Made by thrum venv. In cmd:  path\to\bin\activate.bat
rem Leave the environment with:  deactivate

if defined _OLD_VIRTUAL_PATH call "%~dp0deactivate.bat"

for %%I in ("%~dp0..") do set "VIRTUAL_ENV=%%~fI"
set "VIRTUAL_ENV_PROMPT=@PROMPT@"

set "_OLD_VIRTUAL_PATH=%PATH%"
set "PATH=%~dp0;%PATH%"

if defined PYTHONHOME set "_OLD_VIRTUAL_PYTHONHOME=%PYTHONHOME%"
set PYTHONHOME=

if not defined PROMPT set "PROMPT=$P$G"
if not defined VIRTUAL_ENV_DISABLE_PROMPT set "_OLD_VIRTUAL_PROMPT=%PROMPT%"
if not defined VIRTUAL_ENV_DISABLE_PROMPT set "PROMPT=(@PROMPT@) %PROMPT%"
)script";

inline constexpr char batch_deactivation[] = R"script(@echo off
rem Made by thrum venv: leaves the environment that activate.bat entered.

if defined _OLD_VIRTUAL_PATH set "PATH=%_OLD_VIRTUAL_PATH%"
if defined _OLD_VIRTUAL_PYTHONHOME set "PYTHONHOME=%_OLD_VIRTUAL_PYTHONHOME%"
if defined _OLD_VIRTUAL_PROMPT set "PROMPT=%_OLD_VIRTUAL_PROMPT%"

set _OLD_VIRTUAL_PATH=
set _OLD_VIRTUAL_PYTHONHOME=
set _OLD_VIRTUAL_PROMPT=
set VIRTUAL_ENV=
set VIRTUAL_ENV_PROMPT=
)script";

}  // namespace thrum::venv::internal
