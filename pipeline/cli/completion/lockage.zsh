#compdef lockage
# Completion of lockage for zsh: source <(lockage completion zsh), after compinit; or this file as _lockage in $fpath

_lockage() {
    local program=${(Q)words[1]} line paths
    local -a candidates
    whence -p -- "$program" >/dev/null || program=lockage
    for line in "${(@f)$(command -- "$program" __complete zsh "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null </dev/null)}"; do
        case $line in
            '') ;;
            :files) paths=-f ;;
            :folders) paths=-/ ;;
            *$'\t'*) candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
            *) candidates+=("${line//:/\\:}") ;;
        esac
    done
    if [[ -n $paths ]]; then
        [[ $PREFIX == --*=* ]] && compset -P '*='
        if [[ $paths == -/ ]]; then _path_files -/; else _files; fi
        return
    fi
    _describe -t values 'lockage' candidates
}

if [[ ${funcstack[1]-} == _lockage ]]; then
    _lockage "$@"
else
    compdef _lockage lockage
fi
