# Start of the engine's container under Docker, given to /bin/sh in place of the image's entry point, so that
# it serves the official image and ours alike. LOCKAGE_PORT is the registry's port in this network namespace.
set -eu
# The container's own control groups are mounted read-only; the engine makes groups below them.
while read -r _ place kind _; do
    case $kind in
        cgroup | cgroup2) mount -o remount,bind,rw "$place" ;;
    esac
done < /proc/self/mounts
# The registry shares this network: the engine may use it, and of the containers that the engine runs those that know
# its address LOCKAGE_FORWARD. The rules of an earlier engine in this network are replaced.
chain() {
    iptables -w -t "$1" -N lockage 2> /dev/null || iptables -w -t "$1" -F lockage
}
chain nat
chain filter
iptables -w -t nat -A lockage -d "${LOCKAGE_FORWARD%:*}" -p tcp --dport "${LOCKAGE_FORWARD#*:}" \
    -j DNAT --to-destination "10.87.0.1:$LOCKAGE_PORT"
iptables -w -A lockage -m conntrack --ctorigdst "${LOCKAGE_FORWARD%:*}" -j ACCEPT
iptables -w -A lockage -j DROP
from_containers="-i dagger0 -j lockage"
# shellcheck disable=SC2086  # rules are words
{
    iptables -w -t nat -C PREROUTING $from_containers 2> /dev/null || iptables -w -t nat -A PREROUTING $from_containers
    registry="INPUT -p tcp --dport $LOCKAGE_PORT $from_containers"
    iptables -w -C $registry 2> /dev/null || iptables -w -I $registry
}
unset LOCKAGE_PORT LOCKAGE_FORWARD
for entry in /usr/local/bin/dagger-entrypoint.sh /usr/local/bin/lockage-engine; do
    if [ -x "$entry" ]; then exec "$entry" "$@"; fi
done
exec /usr/local/bin/dagger-engine "$@"
