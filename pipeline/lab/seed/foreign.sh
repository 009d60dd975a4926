#!/bin/sh
# Run a command as root of a user namespace in which this kernel runs programs of a foreign platform by qemu.
# The kernel has a list of interpreters per user namespace (Linux 6.7), so the host's list does not change.
#
# foreign.sh QEMU MACHINE COMMAND…   QEMU is a folder with emulators, MACHINE qemu's name (aarch64)
# It has to be process 1 of a pid namespace, so that everything here ends with it.
set -eu

if [ "$1" = inside ]; then
    shift
    mount --make-rprivate /
    if ! mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc 2> /dev/null; then
        echo "E: this kernel has no interpreters per user namespace (Linux 6.7 and later have)" >&2
        exit 1
    fi
    line=$(cat "$1/usr/lib/binfmt.d/qemu-$2.conf")
    printf '%s' "${line%%:/usr/libexec/*}:$1/usr/libexec/${line##*:/usr/libexec/}" > /proc/sys/fs/binfmt_misc/register
    shift 2
    exec "$@"
fi

# The namespace maps every user to the same number on the host: files of packages have many owners.
unshare --user sleep infinity &
holder=$!
mine=$(readlink /proc/self/ns/user)
until [ "$(readlink "/proc/$holder/ns/user")" != "$mine" ]; do sleep 0.02; done
echo '0 0 4294967295' > "/proc/$holder/uid_map"
echo '0 0 4294967295' > "/proc/$holder/gid_map"
code=0
nsenter "--user=/proc/$holder/ns/user" \
    unshare --mount --pid --fork --kill-child --mount-proc sh "$0" inside "$@" || code=$?
kill "$holder"
exit "$code"
