if command -v envbuild_leave >/dev/null 2>&1; then envbuild_leave; fi

# What of these is exported now, and what may not be changed.
_envbuild_look() {
    local seek='for n do if eval "[ -n \"\${$n+x}\" ]"; then printf " %s " "$n"; fi; done'
    _envbuild_env="$_envbuild_env$(/bin/sh -c "$seek" sh "$@")"
    if (unset -v "$@") >/dev/null 2>&1; then return 0; fi
    local name
    for name do
        if ! (unset -v "$name") >/dev/null 2>&1; then _envbuild_held="$_envbuild_held $name "; fi
    done
}

_envbuild_type() {
    if [ -n "${ZSH_VERSION-}" ]; then eval 'printf %s "${(Pt)1-}"'; fi
    if [ -n "${BASH_VERSION-}" ]; then
        set -- "$(declare -p "$1" 2>/dev/null || :)"
        set -- "${1#declare -}"
        case ${1%%[ =]*} in *[aAn]*) printf array ;; esac
    fi
}

# What a variable was before; fails where it is not ours to change.
_envbuild_keep() {
    case " $_envbuild_names " in *" $1 "*) return 0 ;; esac
    case $_envbuild_held in *" $1 "*) return 1 ;; esac
    case $(_envbuild_type "$1") in *readonly*|*array*|*association*) return 1 ;; esac
    if eval "[ -z \"\${$1+x}\" ]"; then
        eval "_envbuild_had_$1=no"
    else
        case $_envbuild_env in *" $1 "*) eval "_envbuild_had_$1=env" ;; *) eval "_envbuild_had_$1=own" ;; esac
        eval "_envbuild_old_$1=\${$1}"
    fi
    _envbuild_names="$_envbuild_names $1"
}

# A number would be computed, and computing can run commands.
_envbuild_text() {
    if eval "[ -z \"\${$1+x}\" ]"; then return 0; fi
    case ${ZSH_VERSION+zsh}$(_envbuild_type "$1") in zsh*integer*|zsh*float*) ;; zsh*) return 0 ;; esac
    unset -v "$1"
}

_envbuild_put() {
    _envbuild_keep "$1" || return 0
    _envbuild_text "$1"
    export "$1=$2"
    eval "_envbuild_new_$1=\$2"
}

_envbuild_drop() {
    _envbuild_keep "$1" || return 0
    unset -v "$1" "_envbuild_new_$1"
}

_envbuild_ends() {
    local own was
    _envbuild_keep "$1" || return 0
    eval "own=\${$1-}; was=\${_envbuild_first_$1-}"
    if [ "$1" = PATH ] && [ -z "$own" ]; then own=/bin:/usr/bin; fi
    own="${2:+$2${own:+:}}$own"
    _envbuild_put "$1" "$own${3:+${own:+:}$3}"
    eval "_envbuild_first_$1=\${2:+\$2\${was:+:}}\$was; _envbuild_last_$1=\${_envbuild_last_$1-}\${3:+:\$3}"
}

# Behind what is first of this environment already.
_envbuild_path() {
    local old before after
    old=${_envbuild_old_PATH-}
    case $PATH in
        *"$old"*) before=${PATH%%"$old"*} after=${PATH#*"$old"} ;;
        *) before='' after='' old=$PATH ;;
    esac
    before="$before${1:+$1:}" after="$after${2:+:$2}"
    _envbuild_put PATH "$before$old$after"
    _envbuild_first_PATH=${before%:} _envbuild_last_PATH=$after
}

# For an envbuild that is started in here: what of this it may take away again.
_envbuild_note() {
    local had old
    eval "had=\${_envbuild_had_$1-env} old=\${_envbuild_old_$1-}"
    if [ "$had" = env ]; then
        case $old in *[!A-Za-z0-9_./:@%+,=-]*) return 0 ;; *) old="\"$old\"" ;; esac
    else
        old=null
    fi
    _envbuild_said="$_envbuild_said${_envbuild_said:+,}\"$1\":[$2,$old]"
}

# A list without the entries that were put at its ends: each once, from its own side.
_envbuild_cut() {
    local list rest one
    list=:$1: rest=$2:
    while [ -n "$rest" ]; do
        one=${rest%%:*} rest=${rest#*:}
        case $list in
            *":$one:"*) if [ -n "$one" ]; then list=${list%%":$one:"*}:${list#*":$one:"}; fi ;;
        esac
    done
    rest=$3:
    while [ -n "$rest" ]; do
        one=${rest%%:*} rest=${rest#*:}
        case $list in
            *":$one:"*) if [ -n "$one" ]; then list=${list%":$one:"*}:${list##*":$one:"}; fi ;;
        esac
    done
    list=${list#:}
    _envbuild_list=${list%:}
}

_envbuild_back() {
    local had new now
    eval "had=\$_envbuild_had_$1 new=\${_envbuild_new_$1-} now=\${$1-}"
    if eval "[ \"\${_envbuild_new_$1+x}\" = \"\${$1+x}\" ]" && [ "$new" = "$now" ]; then
        _envbuild_text "$1"
        case $had in
            no) unset -v "$1" ;;
            env) eval "export $1=\"\$_envbuild_old_$1\"" ;;
            own) unset -v "$1"; eval "$1=\$_envbuild_old_$1" ;;
        esac
    elif eval "[ -n \"\${_envbuild_first_$1+x}\" ] && [ -n \"\${$1+x}\" ]"; then
        eval "_envbuild_cut \"\$now\" \"\$_envbuild_first_$1\" \"\$_envbuild_last_$1\""
        export "$1=$_envbuild_list"
    fi
    unset -v "_envbuild_had_$1" "_envbuild_new_$1" "_envbuild_old_$1" "_envbuild_first_$1" "_envbuild_last_$1"
}

# Before the prompt, of whoever has one.
_envbuild_prompt() {
    if [ -n "${VIRTUAL_ENV_DISABLE_PROMPT-}" ] || [ -z "${PS1+x}" ]; then return 0; fi
    _envbuild_shown=$1
    PS1=$1$PS1
}

envbuild_leave() {
    if [ -n "${ZSH_VERSION-}" ]; then setopt local_options no_warn_create_global no_warn_nested_var; fi
    eval "set -- $_envbuild_names"
    while [ $# -gt 0 ]; do _envbuild_back "$1"; shift; done
    if [ -n "${_envbuild_shown-}" ]; then
        PS1=${PS1#"$_envbuild_shown"}
    fi
    unset -v _envbuild_names _envbuild_env _envbuild_held _envbuild_said _envbuild_shown _envbuild_list
    unset -v _envbuild_program
    unset -f _envbuild_look _envbuild_keep _envbuild_type _envbuild_text _envbuild_put _envbuild_drop _envbuild_ends
    unset -f _envbuild_path _envbuild_note _envbuild_cut _envbuild_back _envbuild_prompt _envbuild_packages envbuild_leave
    hash -r 2>/dev/null || :
}

# Scripts of packages are made for a shell that stays. Here they run in one that ends, and what they did to its
# variables is taken over, so that it can be undone.
_envbuild_packages() {
    local told shell end
    shell=$(command -v bash || echo /bin/sh)
    told=$(BASH_ENV='' ENV='' "$shell" -c "$_envbuild_program" "$shell" posix "$@")
    end='_envbuild_whole=1'
    case $told in
        *"$end") eval "$told"; _envbuild_path '' ''; unset -v _envbuild_whole ;;
        *) echo 'envbuild: an activation script of a package has failed' >&2; return 1 ;;
    esac
}
