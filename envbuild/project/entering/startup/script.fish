if functions -q envbuild_leave
    envbuild_leave
end
set -g _envbuild_names
set -g _envbuild_said

function _envbuild_look
end

# What a variable was before; fails where it is not ours to change.
function _envbuild_keep
    contains -- $argv[1] $_envbuild_names; and return 0
    if not set -qg $argv[1]
        set -g _envbuild_had_$argv[1] no
    else
        set -qgx $argv[1]; and set -g _envbuild_had_$argv[1] env; or set -g _envbuild_had_$argv[1] own
        set -g _envbuild_old_$argv[1] $$argv[1]
    end
    set -a _envbuild_names $argv[1]
end

function _envbuild_put
    _envbuild_keep $argv[1]
    set -gx $argv[1] $argv[2] 2>/dev/null
    set -g _envbuild_new_$argv[1] $argv[2]
end

function _envbuild_drop
    _envbuild_keep $argv[1]
    set -eg $argv[1]
    set -eg _envbuild_new_$argv[1]
end

# A list of paths is one text, as it is for all others.
function _envbuild_ends
    set -l name $argv[1]
    _envbuild_keep $name
    set -l own "$$name"
    if test $name = PATH; and test -z "$own"
        set own /bin:/usr/bin
    end
    test -n "$argv[2]"; and test -n "$own"; and set own ":$own"
    set own "$argv[2]$own"
    test -n "$argv[3]"; and test -n "$own"; and set own "$own:"
    _envbuild_put $name "$own$argv[3]"
    _envbuild_join _envbuild_first_$name "$argv[2]"
    _envbuild_join _envbuild_last_$name "$argv[3]"
end

function _envbuild_join
    set -l before "$$argv[1]"
    test -n "$before"; and test -n "$argv[2]"; and set before "$before:"
    set -g $argv[1] "$before$argv[2]"
end

# Behind what is first of this environment already.
function _envbuild_path
    set -l old "$_envbuild_old_PATH"
    set -l parts (string split -m 1 -- ":$old:" ":$PATH:")
    set -l before ''
    set -l after ''
    if test -n "$old"; and set -q parts[2]
        set before (string trim -l -c : -- "$parts[1]")
        set after (string trim -r -c : -- "$parts[2]")
    else
        set old "$PATH"
    end
    set before (string join -n : -- "$before" "$argv[1]")
    set after (string join -n : -- "$after" "$argv[2]")
    _envbuild_put PATH (string join -n : -- "$before" "$old" "$after")
    set -g _envbuild_first_PATH "$before"
    set -g _envbuild_last_PATH "$after"
end

# For an envbuild that is started in here: what of this it may take away again.
function _envbuild_note
    set -l had _envbuild_had_$argv[1]
    set -l old null
    if test "$$had" = env
        set old _envbuild_old_$argv[1]
        set old "$$old"
        string match -rq '^[A-Za-z0-9_./:@%+,=-]*$' -- "$old"; or return 0
        set old "\"$old\""
    end
    set -a _envbuild_said "\"$argv[1]\":[$argv[2],$old]"
end

function _envbuild_back
    set -l had _envbuild_had_$argv[1]
    set -l new _envbuild_new_$argv[1]
    set -l old _envbuild_old_$argv[1]
    set -l first _envbuild_first_$argv[1]
    set -l last _envbuild_last_$argv[1]
    set -l name $argv[1]
    set -l now "$$name"
    if begin; set -q $new; and set -qg $name; and test "$now" = "$$new"; end; or begin; not set -q $new; and not set -qg $name; end
        switch $$had
            case no
                set -eg $name
            case env
                set -gx $name $$old 2>/dev/null
            case own
                set -eg $name
                set -g $name $$old 2>/dev/null
        end
    else if set -q $first; and set -qg $name
        set -l kept (string split : -- "$now")
        for one in (string split -n : -- "$$first")
            if set -l at (contains -i -- $one $kept)
                set -e kept[$at]
            end
        end
        set kept $kept[-1..1]
        for one in (string split -n : -- "$$last")
            if set -l at (contains -i -- $one $kept)
                set -e kept[$at]
            end
        end
        set -gx $name (string join : -- $kept[-1..1])
    end
    set -eg $had; set -eg $new; set -eg $old; set -eg $first; set -eg $last
end

# Before the prompt, of whoever has one.
function _envbuild_prompt
    test -n "$VIRTUAL_ENV_DISABLE_PROMPT"; and return 0
    functions -q fish_prompt; or return 0
    set -g _envbuild_shown $argv[1]
    functions -c fish_prompt _envbuild_own_prompt
    function _envbuild_status
        return $argv[1]
    end
    function fish_prompt
        set -l code $status
        printf %s $_envbuild_shown
        _envbuild_status $code
        _envbuild_own_prompt
    end
end

function envbuild_leave
    for name in $_envbuild_names
        _envbuild_back $name
    end
    if functions -q _envbuild_own_prompt
        functions -e fish_prompt
        functions -c _envbuild_own_prompt fish_prompt
        functions -e _envbuild_own_prompt _envbuild_status
    end
    for name in names said shown program
        set -eg _envbuild_$name
    end
    for name in look keep put drop ends join path note back prompt packages enter
        functions -e _envbuild_$name
    end
    functions -e envbuild_leave
end

# Scripts of packages are made for a shell that stays. Here they run in one that ends, and what they did to its
# variables is taken over, so that it can be undone.
function _envbuild_packages
    set -l shell (command -v bash; or echo /bin/sh)[1]
    set -l told (BASH_ENV= ENV= $shell -c $_envbuild_program $shell fish $argv | string collect)
    if not string match -q '*_envbuild_whole=1' -- $told
        echo 'envbuild: an activation script of a package has failed' >&2
        return 1
    end
    eval (string replace -r '_envbuild_whole=1$' '' -- $told | string collect)
    _envbuild_path '' ''
end
