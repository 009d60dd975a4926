#!/bin/sh
# Entry point of the engine's image under Docker. With cgroup v2 a group that has children may hold no process
# itself ("no internal processes", cgroups(7)): those of this container move one level down first.
set -eu
groups=/sys/fs/cgroup
if [ -f "$groups/cgroup.controllers" ] && [ -w "$groups/cgroup.procs" ]; then
    mkdir -p "$groups/init"
    while read -r pid; do
        echo "$pid" > "$groups/init/cgroup.procs" 2> /dev/null || :
    done < "$groups/cgroup.procs"
    sed 's/[^ ]*/+&/g' "$groups/cgroup.controllers" > "$groups/cgroup.subtree_control" || :
fi
exec /usr/local/bin/dagger-engine "$@"
