#!/bin/sh
# Entry point of the stand-in for BuildKit's image, which does what the official one's does: with cgroup v2, buildkitd
# sees the groups from its own one downwards, in a cgroup and a mount namespace of its own where it has none yet.
set -e
groups=/sys/fs/cgroup
remount='
options=$(awk -v place="$0" "\$2 == place { print \$4 }" /proc/self/mounts)
umount "$0"
mount -t cgroup2 -o "$options" cgroup2 "$0"
exec "$@"
'
own() {
    unshare --cgroup --mount sh -ec "$remount" "$groups" "$@"
}
if [ -e "$groups/cgroup.controllers" ] && [ "$(cut -d: -f3 /proc/self/cgroup)" != / ]; then
    if own true 2> /dev/null; then
        exec unshare --cgroup --mount sh -ec "$remount" "$groups" /usr/bin/buildkitd "$@"
    fi
    echo "no cgroup namespace: $groups cannot be mounted again" >&2
fi
exec /usr/bin/buildkitd "$@"
