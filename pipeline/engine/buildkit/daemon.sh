# Start of BuildKit's daemon in its service, given to /bin/sh. LOCKAGE_RUN is the name of this daemon's folder below
# /run/buildkit, where its socket is for clients.
set -eu

# Folders of daemons that have ended: their locks are free.
for other in /run/buildkit/*/; do
    [ -e "${other}lock" ] || continue
    flock -n "${other}lock" rm -rf "$other" || :
done
mkdir -p "/run/buildkit/$LOCKAGE_RUN"
chmod 700 "/run/buildkit/$LOCKAGE_RUN"
exec 8> "/run/buildkit/$LOCKAGE_RUN/lock"
flock -n 8
exec 2> "/run/buildkit/$LOCKAGE_RUN/log"  # where there is a log, a lock that is free means that its daemon has ended

for program in buildkitd iptables; do
    command -v "$program" > /dev/null || { echo "BuildKit's image has no $program" >&2; exit 1; }
done

# Only one daemon may have a state: the first free one is taken, so that what ran last time is warm again.
state=
for slot in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
    mkdir -p "/var/lib/buildkit/$slot"
    exec 9> "/var/lib/buildkit/$slot/lockage.lock"
    if flock -n 9; then state=/var/lib/buildkit/$slot; break; fi
done
[ -n "$state" ] || { echo "all 16 states of BuildKit are in use" >&2; exit 1; }

# RUN instructions have networks of their own behind bridges: buildkit0 by default, buildkit1 with --network=host. Of
# the network that this service shares with the engine's other services, the registry's among them, they reach the name
# servers and the way out, and nothing else. All rules are loaded at once, before there is a bridge: a plug-in that adds
# some for each network starts thirty processes.
hex() { printf '%d.%d.%d.%d' $((0x$1 & 255)) $((0x$1 >> 8 & 255)) $((0x$1 >> 16 & 255)) $((0x$1 >> 24 & 255)); }
raw='' nat='' filter=''
rule() { raw="$raw-A PREROUTING -i buildkit+ $*
"; }
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
for subnet in 10.86.0.0/16 10.85.0.0/24; do
    nat="$nat-A POSTROUTING -s $subnet ! -d $subnet -j MASQUERADE
"
done
filter='-A FORWARD -i buildkit0 -o buildkit1 -j DROP
-A FORWARD -i buildkit1 -o buildkit0 -j DROP
'

# What this service knows as localhost:PORT is forwarded by the engine's network at another address
# (PORT=ADDRESS:PORT), which is for this service alone.
for forward in ${LOCKAGE_FORWARDS:-}; do
    at=${forward#*=}
    while read -r address names; do
        case $address in *:* | '' | '#'*) continue ;; esac
        case " $names " in *" localhost "*) ;; *) continue ;; esac
        nat="$nat-A OUTPUT -d $address -p tcp --dport ${forward%%=*} -j DNAT --to-destination $at
"
    done < /etc/hosts
    rule -d "${at%:*}" -j DROP
done
if [ -n "${LOCKAGE_FORWARDS:-}" ]; then
    while read -r interface destination _; do
        [ "$destination" = 00000000 ] || continue
        echo 1 > "/proc/sys/net/ipv4/conf/$interface/route_localnet"
        nat="$nat-A POSTROUTING -s 127.0.0.0/8 -o $interface -j MASQUERADE
"
    done < /proc/net/route
fi
unset LOCKAGE_FORWARDS
# The program itself, because iptables-restore may be of another kind than the iptables that the image has chosen.
printf '*raw\n%sCOMMIT\n*nat\n%sCOMMIT\n*filter\n%sCOMMIT\n' "$raw" "$nat" "$filter" |
    "$(readlink -f "$(command -v iptables)")" iptables-restore -w --noflush

mkdir -p /run/lockage/plugins
for plugin in loopback bridge host-local; do
    ln -s "$(command -v "buildkit-cni-$plugin")" "/run/lockage/plugins/$plugin"
done
bridge() {  # its name, its subnet: the configuration of the plug-in
    printf '"bridge": "%s", "isDefaultGateway": true, "ipam": {"type": "host-local", "ranges": [[{"subnet": "%s"}]]}' "$@"
}
printf '{"cniVersion": "1.0.0", "name": "buildkit", "plugins": [{"type": "bridge", %s}]}' \
    "$(bridge buildkit0 10.86.0.0/16)" > /run/lockage/network.conflist

# "The host's network" of RUN --network=host is this one, shared by all of them, and never that of this service, where
# the daemon reaches the registry. runtime.sh joins it. It leads nowhere unless a target of this run may use it.
: > /run/lockage/host-network
unshare --net mount --bind /proc/self/ns/net /run/lockage/host-network
plug() {  # interface, plug-in, its configuration
    printf '{"cniVersion": "1.0.0", "name": "lockage-host", "type": "%s"%s}' "$2" "$3" |
        CNI_COMMAND=ADD CNI_CONTAINERID=host CNI_NETNS=/run/lockage/host-network CNI_IFNAME=$1 \
            CNI_PATH=/run/lockage/plugins "/run/lockage/plugins/$2" > /run/lockage/plug.json ||
        { cat /run/lockage/plug.json >&2; exit 1; }
}
if [ -n "${LOCKAGE_HOST_NETWORK:-}" ]; then
    plug lo loopback ''
    plug eth0 bridge ", $(bridge buildkit1 10.85.0.0/24)"
fi

umask 022
entry=/usr/bin/buildkitd-entrypoint  # sees to control groups
[ -x "$entry" ] || entry=buildkitd
exec "$entry" --config /etc/buildkit/lockage.toml --root "$state" \
    --addr "unix:///run/buildkit/$LOCKAGE_RUN/buildkitd.sock"
