# bash completion of cosmowatch: verbs and options are asked of the program itself, so nothing here can grow old.
# SPDX-License-Identifier: Apache-2.0

_cosmowatch()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]} words help

    COMPREPLY=()
    if [[ $COMP_CWORD -eq 1 ]]; then
        words=$(cosmowatch --help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p')
        mapfile -t COMPREPLY < <(compgen -W "$words --help --version" -- "$cur")
        return
    fi
    case $prev in
    --severity)
        mapfile -t COMPREPLY < <(compgen -W 'Informational Low Medium High' -- "$cur")
        return
        ;;
    --since | --until | --limit | --account | --type) return ;;
    -c | --config) ;;
    *)
        help=$(cosmowatch "$verb" --help 2>/dev/null) || return
        if [[ $cur == -* ]]; then
            words=$(grep -oE '^ +(-., )?--[a-z-]+' <<<"$help" | grep -oE -- '--[a-z-]+')
            mapfile -t COMPREPLY < <(compgen -W "$words -c" -- "$cur")
            return
        fi
        # "usage: cosmowatch alerts list | show ID | ...": what may stand first
        if [[ $COMP_CWORD -eq 2 ]]; then
            words=$(sed -n '1{s/^usage: cosmowatch [a-z]*//;s/\[[^]]*\]//g;s/|/\n/g;p;}' <<<"$help" |
                sed -n 's/^ *\([a-z][a-z]*\).*/\1/p')
            mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
            [[ ${#COMPREPLY[@]} -gt 0 ]] && return
        fi
        ;;
    esac
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}
complete -F _cosmowatch cosmowatch
