"""The script that each shell runs once, so that Tab asks us from then on."""

from envbuild.cli import COMPLETE
from envbuild.cli.shells import SEPARATOR

_BASH = """\
_envbuild() {
    local IFS=$'\\n' answer kind program=${1/#\\~\\//$HOME/}
    mapfile -t answer < <(%(complete)s=bash "$program" "${COMP_LINE:0:COMP_POINT}" "$2" 2>/dev/null)
    kind=${answer[0]:-words}
    COMPREPLY=("${answer[@]:1}")
    case $kind in
    files) compopt -o filenames; COMPREPLY=($(compgen -f -- "$2")) ;;
    folders) compopt -o filenames; COMPREPLY=($(compgen -d -- "$2")) ;;
    command*)
        compopt -o filenames
        if [ "${COMP_WORDS[COMP_CWORD-1]}" = -- ]; then
            COMPREPLY=($(compgen -c -- "$2"))
        else
            COMPREPLY=($(compgen -f -- "$2"))
        fi ;;
    *) [[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *@ ]] || compopt -o nospace ;;
    esac
}
complete -o nosort -F _envbuild envbuild
"""

_ZSH = """\
#compdef envbuild
_envbuild() {
    local program=${${(Q)words[1]}/#\\~\\//$HOME/} kind line
    local -a answer plain about
    answer=("${(@f)$(%(complete)s=zsh "$program" "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
    kind=${answer[1]:-words}
    case $kind in
    files) _files; return ;;
    folders) _path_files -/; return ;;
    command*)
        shift ${kind#command } words
        (( CURRENT -= ${kind#command } ))
        _normal
        return ;;
    esac
    for line in "${(@)answer[2,-1]}"; do
        [[ -n $line ]] || continue
        if [[ $line == *$'\\t'* ]]; then
            about+=("${${line%%%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}")
        else
            about+=("${line//:/\\\\:}")
        fi
    done
    (( $#about )) && _describe -V envbuild about
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then
    _envbuild "$@"
else
    compdef _envbuild envbuild
fi
"""

_FISH = """\
function __envbuild_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l plain (string unescape -- $current; or string replace -r '^["\\']' '' -- $current)
    set -l program (string replace -r '^~/' $HOME/ -- $words[1])
    set -l answer (%(complete)s=fish $program $words "$plain" 2>/dev/null)
    switch "$answer[1]"
        case files
            __fish_complete_path "$current"
        case folders
            __fish_complete_directories "$current" ''
        case 'command*'
            set -l first (math (string split ' ' -- $answer[1])[2] + 1)
            set -l rest (string escape -- $words[$first..-1])
            complete -C (string join ' ' -- $rest $current)
        case '*'
            printf '%%s\\n' $answer[2..-1]
    end
end
complete -c envbuild -f -k -a '(__envbuild_complete)'
"""

_POWERSHELL = """\
Register-ArgumentCompleter -Native -CommandName envbuild -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @()
    foreach ($element in $commandAst.CommandElements) {
        if ($element.Extent.EndOffset -lt $cursorPosition -or $words.Count -eq 0) {
            if ($element -is [System.Management.Automation.Language.StringConstantExpressionAst]) {
                $words += $element.Value
            } else {
                $words += $element.Extent.Text
            }
        }
    }
    $words += $wordToComplete.Trim("'", '"')
    $before = $env:%(complete)s
    try {
        $env:%(complete)s = 'powershell'
        $answer = @(& $words[0] ($words -join [char]0x%(separator)02x) 2>$null)
    } finally {
        $env:%(complete)s = $before
    }
    foreach ($line in ($answer | Select-Object -Skip 1)) {
        $text, $item, $about = $line -split "`t", 3
        if (-not $about) { $about = $item }
        [System.Management.Automation.CompletionResult]::new($text, $item, 'ParameterValue', $about)
    }
}
"""

SHELLS = ("bash", "zsh", "fish", "powershell")


def script(shell: str) -> str:
    text = dict(zip(SHELLS, (_BASH, _ZSH, _FISH, _POWERSHELL), strict=True))[shell]
    return text % {"complete": COMPLETE, "separator": ord(SEPARATOR)}
