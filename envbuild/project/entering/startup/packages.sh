_envbuild_names() { export -p | command -p sed -n "s/^export \([A-Za-z_][A-Za-z0-9_]*\).*/\1/p; s/^declare -[a-z]*x[a-z]* \([A-Za-z_][A-Za-z0-9_]*\).*/\1/p"; }
_envbuild_word() {
    _envbuild_done= _envbuild_rest=$1
    while :; do
        case $_envbuild_shell:$_envbuild_rest in
            fish:*[\\\']*)
                _envbuild_part=${_envbuild_rest%%[\\\']*}
                _envbuild_rest=${_envbuild_rest#"$_envbuild_part"}
                _envbuild_done="$_envbuild_done$_envbuild_part\\${_envbuild_rest%"${_envbuild_rest#?}"}"
                _envbuild_rest=${_envbuild_rest#?} ;;
            posix:*\'*)
                _envbuild_done="$_envbuild_done${_envbuild_rest%%\'*}'\\''" _envbuild_rest=${_envbuild_rest#*\'} ;;
            *) break ;;
        esac
    done
    printf "'%s%s'" "$_envbuild_done" "$_envbuild_rest"
}
_envbuild_shell=$1
shift
_envbuild_before=$(_envbuild_names)
for _envbuild_one in $_envbuild_before; do eval "_envbuild_b_$_envbuild_one=\$$_envbuild_one"; done
for _envbuild_file do
    . "$_envbuild_file" >/dev/null
done
unset -f printf unset eval export case command exec 2>/dev/null
IFS='
'
_envbuild_after=$(_envbuild_names)
for _envbuild_one in $_envbuild_after $_envbuild_before; do
    case $_envbuild_one in _|SHLVL|PWD|OLDPWD|BASH_ENV|ENV|_envbuild_*) continue ;; esac
    case "$IFS$_envbuild_after$IFS" in
        *"$IFS$_envbuild_one$IFS"*) ;;
        *) printf '_envbuild_look %s; _envbuild_drop %s\n' "$_envbuild_one" "$_envbuild_one"; continue ;;
    esac
    eval "_envbuild_now=\$$_envbuild_one"
    if eval "[ \"\${_envbuild_b_$_envbuild_one+x}\" ] && [ \"\$_envbuild_b_$_envbuild_one\" = \"\$_envbuild_now\" ]"; then
        continue
    fi
    eval "_envbuild_b_$_envbuild_one=\$_envbuild_now"
    printf '_envbuild_look %s; _envbuild_put %s ' "$_envbuild_one" "$_envbuild_one"
    _envbuild_word "$_envbuild_now"
    printf '\n'
done
printf '_envbuild_whole=1\n'
