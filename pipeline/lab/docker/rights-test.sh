# Tests whether this container may do what an engine needs: start a container with all devices and a writable /sys, as
# with insecure_root_capabilities, that can do what BuildKit does: mount an overlay on the engine's state, connect a
# network to a bridge, write a packet filter rule, and start a container in its own control group, with namespaces, a
# session keyring and a proc.
# Runs inside the engine's container, prints what was refused, and uses only what every engine image has.
set -eu
bundle=/run/lockage-rights
state=/var/lib/dagger/lockage-rights
rm -rf "$state"
mkdir -p "$bundle/root" "$state"
mount --bind / "$bundle/root"
trap 'umount "$bundle/root"; rm -f "$bundle/config.json"; rmdir "$bundle/root" "$bundle"; rm -rf "$state"' EXIT
own=
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then own=', {"type": "cgroup"}'; fi  # as the engine does with cgroup v2
nodes='{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229},
      {"path": "/dev/loop0", "type": "b", "major": 7, "minor": 0}'
read -r _ _ users < /proc/self/uid_map
if [ "$users" != 4294967295 ]; then nodes=; fi  # root of a user namespace cannot create any, and the engine does not try
capabilities='["CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_MKNOD", "CAP_SYS_CHROOT", "CAP_SETPCAP", "CAP_SETUID",
  "CAP_SETGID", "CAP_NET_RAW", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL"]'
cat > "$bundle/config.json" <<SPEC
{
  "ociVersion": "1.0.2",
  "process": {
    "user": {"uid": 0, "gid": 0}, "args": ["/bin/sh", "/var/lib/dagger/inside.sh"], "cwd": "/var/lib/dagger",
    "env": ["PATH=$PATH"],
    "capabilities": {"bounding": $capabilities, "effective": $capabilities, "permitted": $capabilities}
  },
  "root": {"path": "root"},
  "mounts": [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "rw"]},
    {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["nosuid", "noexec", "nodev", "rw"]},
    {"destination": "/var/lib/dagger", "type": "bind", "source": "$state", "options": ["bind", "rw"]}
  ],
  "linux": {
    "cgroupsPath": "/lockage-rights",
    "resources": {"devices": [
      {"allow": true, "type": "c", "access": "rwm"},
      {"allow": true, "type": "b", "access": "rwm"}
    ]},
    "devices": [$nodes],
    "namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}, {"type": "network"}$own]
  }
}
SPEC
cat > "$state/inside.sh" <<'INSIDE'
set -eu
if [ -e /dev/fuse ]; then
    opened=$( (: < /dev/fuse) 2>&1) || :  # without a driver it is "No such device", which is not about rights
    case $opened in *"not permitted"*) echo "$opened" >&2 && exit 1 ;; esac
fi
mkdir lower upper work merged nested nested/root
mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay merged
: > merged/written
mount --bind / nested/root
cat > nested/config.json <<SPEC
{
  "ociVersion": "1.0.2",
  "process": {"user": {"uid": 0, "gid": 0}, "args": ["/bin/true"], "cwd": "/", "env": ["PATH=$PATH"]},
  "root": {"path": "root"},
  "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
  "hooks": {"createRuntime": [
    {"path": "/bin/sh", "args": ["sh", "/var/lib/dagger/network.sh"], "env": ["PATH=$PATH"]}
  ]},
  "linux": {
    "cgroupsPath": "/lockage-rights-nested",
    "namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}, {"type": "network"}]
  }
}
SPEC
runc --log /dev/null --root "$PWD/runc" run --bundle nested lockage-nested
INSIDE
cat > "$state/network.sh" <<'NETWORK'
set -eu
pid=$(sed 's/.*"pid": *\([0-9]*\).*/\1/')
export CNI_COMMAND=ADD CNI_CONTAINERID=nested "CNI_NETNS=/proc/$pid/ns/net" CNI_IFNAME=eth0 CNI_PATH=/opt/cni/bin
joined=$(/opt/cni/bin/bridge <<CONFIGURATION
{
  "cniVersion": "0.4.0", "name": "lockage-rights", "type": "bridge", "bridge": "lockage0", "isGateway": true,
  "ipam": {"type": "host-local", "dataDir": "/var/lib/dagger/cni", "ranges": [[{"subnet": "10.86.0.0/24"}]]}
}
CONFIGURATION
) || { echo "$joined" | tr -s '\n\t ' ' ' >&2 && exit 1; }
iptables -w -t nat -A POSTROUTING -s 10.86.0.0/24 -j MASQUERADE
NETWORK
runc --log /dev/null run --bundle "$bundle" lockage-rights < /dev/null
