# Completion of lockage for fish: lockage completion fish | source

function __lockage_complete
    set -l words (commandline -opc)
    set -l token (commandline -ct)
    set -l word (string trim -l -c '"\'' -- "$token")
    while string match -qr '^\w+=' -- "$words[1]"
        set -e words[1]
    end
    set -l program $words[1]
    set -e words[1]
    command -q -- $program; or set program lockage
    for line in (command $program __complete fish $words "$word" 2>/dev/null </dev/null)
        switch $line
            case :files :folders
                # What fish completes for a program that it does not know: paths, and it expands no command for them.
                set -l kept (string match -r -- '^--[^=]*=' "$token")
                set -l paths (complete -C"__lockage_no_such_program $(string replace -r -- '^--[^=]*=' '' "$token")")
                test $line = :folders; and set paths (string match -r '.*/(?:\t.*)?$' -- $paths)
                for path in $paths
                    printf '%s%s\n' "$kept" $path
                end
            case '*'
                printf '%s\n' $line
        end
    end
end

complete -c lockage -f -a '(__lockage_complete)'
