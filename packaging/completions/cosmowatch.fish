# fish completion of cosmowatch: verbs and options are asked of the program itself, so nothing here can grow old.
# SPDX-License-Identifier: Apache-2.0

function __cosmowatch_verbs
    cosmowatch --help 2>/dev/null | string match -rg '^  ([a-z]+) +(.*)$' | while read -l verb
        read -l summary
        printf '%s\t%s\n' $verb $summary
    end
end

function __cosmowatch_verb
    set -l words (commandline -opc)
    test (count $words) -ge 2; and echo $words[2]
end

function __cosmowatch_options
    cosmowatch (__cosmowatch_verb) --help 2>/dev/null | string match -rg '^ +(?:-., )?(--[a-z-]+)(?: [A-Z]+)? *(.*)$' | while read -l option
        read -l summary
        printf '%s\t%s\n' $option $summary
    end
end

function __cosmowatch_first
    test (count (commandline -opc)) -eq 2; or return
    set -l usage (cosmowatch (__cosmowatch_verb) --help 2>/dev/null)[1]
    string replace -r '^usage: cosmowatch [a-z]+ ' '' -- $usage | string replace -ra '\[[^]]*\]' '' | string split '|' | string match -rg '^ *([a-z]+)'
end

complete -c cosmowatch -n 'test (count (commandline -opc)) -eq 1' -f -a '(__cosmowatch_verbs)'
complete -c cosmowatch -n 'test (count (commandline -opc)) -ge 2; and string match -q -- "-*" (commandline -ct)' -f -a '(__cosmowatch_options)'
complete -c cosmowatch -n 'test (count (commandline -opc)) -eq 2' -a '(__cosmowatch_first)'
complete -c cosmowatch -n 'contains -- (commandline -opc)[-1] --severity' -f -a 'Informational Low Medium High'
