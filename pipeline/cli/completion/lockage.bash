# Completion of lockage for bash: eval "$(lockage completion bash)"

_lockage() {
    local program=$1 line
    type -P -- "$program" >/dev/null || program=lockage
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            :files) compopt -o default ;;
            :folders) compopt -o dirnames ;;
            *) COMPREPLY+=("${line%%$'\t'*}") ;;
        esac
    done < <(command -- "$program" __complete bash "$2" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null </dev/null)
}

complete -F _lockage lockage
