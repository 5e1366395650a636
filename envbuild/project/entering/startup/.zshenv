# Read by zsh in place of the user's own .zshenv. It gives ZDOTDIR back first, so that zsh finds all other files of the
# user by itself; the environment is entered after them, just before the first prompt.
builtin eval "$ENVBUILD_HOOK"
if [[ -r ${ZDOTDIR-$HOME}/.zshenv ]]; then
    builtin source "${ZDOTDIR-$HOME}/.zshenv"
fi
if [[ -o interactive ]]; then
    precmd_functions+=(_envbuild_precmd)
else
    _envbuild_enter
    unfunction -m '_envbuild_*'
fi
