# Start of the engine's container under Docker, given to /bin/sh in place of the image's entry point, so that
# it serves the official image and ours alike. LOCKAGE_PORT is the registry's port in this network namespace.
set -eu
# The container's own control groups are mounted read-only; the engine makes groups below them.
while read -r _ place kind _; do
    case $kind in
        cgroup | cgroup2) mount -o remount,bind,rw "$place" ;;
    esac
done < /proc/self/mounts
# The registry shares this network: the engine may use it, containers that the engine runs may not.
rule="INPUT -i dagger0 -p tcp --dport $LOCKAGE_PORT -j DROP"
# shellcheck disable=SC2086  # a rule is words
iptables -w -C $rule 2> /dev/null || iptables -w -I $rule
unset LOCKAGE_PORT
for entry in /usr/local/bin/dagger-entrypoint.sh /usr/local/bin/lockage-engine; do
    if [ -x "$entry" ]; then exec "$entry" "$@"; fi
done
exec /usr/local/bin/dagger-engine "$@"
