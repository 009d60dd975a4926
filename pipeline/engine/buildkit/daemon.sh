# Start of BuildKit's daemon in its service, given to /bin/sh. LOCKAGE_RUN is the name of this daemon's folder below
# /run/buildkit, where its socket is for clients.
set -eu

# Only one daemon may have a state: the first free one is taken, so that what ran last time is warm again.
state=
for slot in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
    mkdir -p "/var/lib/buildkit/$slot"
    exec 9> "/var/lib/buildkit/$slot/lockage.lock"
    if flock -n 9; then state=/var/lib/buildkit/$slot; break; fi
done
[ -n "$state" ] || { echo "all 16 states of BuildKit are in use" >&2; exit 1; }

# Folders of daemons that have ended: their locks are free.
for other in /run/buildkit/*/; do
    [ -e "${other}lock" ] || continue
    flock -n "${other}lock" rm -rf "$other" || :
done
mkdir -p "/run/buildkit/$LOCKAGE_RUN"
chmod 700 "/run/buildkit/$LOCKAGE_RUN"
exec 8> "/run/buildkit/$LOCKAGE_RUN/lock"
flock -n 8

# RUN instructions have networks of their own behind bridges: buildkit0 by default, buildkit1 with --network=host. Of
# the network that this service shares with the engine's other services, the registry's among them, they reach the name
# servers and the way out, and nothing else.
hex() { printf '%d.%d.%d.%d' "0x$(echo "$1" | cut -c7-8)" "0x$(echo "$1" | cut -c5-6)" "0x$(echo "$1" | cut -c3-4)" "0x$(echo "$1" | cut -c1-2)"; }
rule() { iptables -w -t raw -A PREROUTING -i buildkit+ "$@"; }
while read -r key address _; do
    case $key in
        nameserver)
            case $address in *:*) continue ;; esac
            for protocol in udp tcp; do rule -d "$address" -p "$protocol" --dport 53 -j ACCEPT; done ;;
    esac
done < /etc/resolv.conf
while read -r interface destination gateway _ _ _ _ mask _; do
    if [ "$interface" != Iface ] && [ "$gateway" = 00000000 ]; then
        rule -d "$(hex "$destination")/$(hex "$mask")" -j DROP
    fi
done < /proc/net/route
while read -r address names; do  # what this service knows by name is its own affair, wherever it is
    case $address in 127.* | *:* | '' | '#'*) continue ;; esac
    rule -d "$address" -j DROP
done < /etc/hosts
rule -d 169.254.0.0/16 -j DROP  # where clouds hand out the machine's own credentials

# What this service knows as localhost:PORT is forwarded by the engine's network at another address
# (PORT=ADDRESS:PORT), which is for this service alone.
for forward in ${LOCKAGE_FORWARDS:-}; do
    at=${forward#*=}
    while read -r address names; do
        case $address in *:* | '' | '#'*) continue ;; esac
        case " $names " in *" localhost "*) ;; *) continue ;; esac
        iptables -w -t nat -A OUTPUT -d "$address" -p tcp --dport "${forward%%=*}" -j DNAT --to-destination "$at"
    done < /etc/hosts
    rule -d "${at%:*}" -j DROP
done
if [ -n "${LOCKAGE_FORWARDS:-}" ]; then
    while read -r interface destination _; do
        [ "$destination" = 00000000 ] || continue
        echo 1 > "/proc/sys/net/ipv4/conf/$interface/route_localnet"
        iptables -w -t nat -A POSTROUTING -s 127.0.0.0/8 -o "$interface" -j MASQUERADE
    done < /proc/net/route
fi
unset LOCKAGE_FORWARDS

# "The host's network" of RUN --network=host is this one, shared by all of them, and never that of this service, where
# the daemon reaches the registry. runtime.sh joins it. It leads nowhere unless a target of this run may use it.
mkdir -p /run/lockage
: > /run/lockage/host-network
unshare --net mount --bind /proc/self/ns/net /run/lockage/host-network
plug() {  # interface, plug-in, its configuration
    printf '{"cniVersion": "1.0.0", "name": "lockage-host", "type": "%s"%s}' "$2" "$3" |
        CNI_COMMAND=ADD CNI_CONTAINERID=host CNI_NETNS=/run/lockage/host-network CNI_IFNAME=$1 \
            CNI_PATH=$(dirname "$(command -v "$2")") "$2" > /run/lockage/plug.json ||
        { cat /run/lockage/plug.json >&2; exit 1; }
}
if [ -n "${LOCKAGE_HOST_NETWORK:-}" ]; then
    plug lo buildkit-cni-loopback ''
    plug eth0 buildkit-cni-bridge ', "bridge": "buildkit1", "isDefaultGateway": true, "ipMasq": true,
        "ipam": {"type": "buildkit-cni-host-local", "ranges": [[{"subnet": "10.85.0.0/24"}]]}'
fi

umask 022
entry=/usr/bin/buildkitd-entrypoint  # sees to control groups
[ -x "$entry" ] || entry=buildkitd
exec "$entry" --config /etc/buildkit/lockage.toml --root "$state" \
    --addr "unix:///run/buildkit/$LOCKAGE_RUN/buildkitd.sock"
