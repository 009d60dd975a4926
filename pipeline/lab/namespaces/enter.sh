#!/bin/sh
# The first process in new namespaces (mount, pid, network, ipc, uts): mounts the engine's image as its root and
# executes the engine. Its mounts, files and settings are invisible outside.
#
# LAB_LOWER  root file system of the engine's image, read only
# LAB_MOUNT  empty folder to mount on            LAB_STATE  kept between runs, becomes /var/lib/dagger
# LAB_RUN    folder of the engine's socket       LAB_CONFIG engine.json
# LAB_CERTS  additional CA certificates, or empty  LAB_PORT ports of the host's loopback that it may reach
# LAB_FORWARDS  PORT=ADDRESS:PORT, addresses at which containers that know them reach such a port
# LAB_NAME   host name, and name of its cgroup   LAB_QEMU   qemu's files for foreign platforms, or empty
# This script waits until slirp4netns has added the only network interface, tap0.
set -eu

mount --make-rprivate /
mount -t tmpfs -o size=512m,mode=755 lockage "$LAB_MOUNT"
cd "$LAB_MOUNT"
mkdir up work root
mount -t overlay -o "lowerdir=${LAB_QEMU:+$LAB_QEMU:}$LAB_LOWER,upperdir=$LAB_MOUNT/up,workdir=$LAB_MOUNT/work" lockage root
cd root

mount -t proc -o nosuid,nodev,noexec proc proc
mount -t sysfs -o nosuid,nodev,noexec sysfs sys
if [ -d /sys/fs/cgroup ]; then mount --rbind /sys/fs/cgroup sys/fs/cgroup; fi

mount -t tmpfs -o size=64m,mode=755 lockage dev
mkdir dev/pts dev/shm dev/mqueue dev/net
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts dev/pts
mount -t tmpfs -o nosuid,nodev,mode=1777 shm dev/shm
mount -t mqueue mqueue dev/mqueue
while read -r name kind major minor; do
    mknod -m 666 "dev/$name" "$kind" "$major" "$minor"
done <<'NODES'
null c 1 3
zero c 1 5
full c 1 7
random c 1 8
urandom c 1 9
tty c 5 0
fuse c 10 229
net/tun c 10 200
NODES
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr

mkdir -p var/lib/dagger run/dagger etc/dagger etc/buildkit usr/local/share/ca-certificates old
mount --bind "$LAB_STATE" var/lib/dagger
mount --bind "$LAB_RUN" run/dagger
if [ -n "$LAB_CERTS" ]; then mount --bind -o ro "$LAB_CERTS" usr/local/share/ca-certificates; fi
cp "$LAB_CONFIG" etc/dagger/engine.json
printf '[worker.oci]\n  defaultCgroupParent = "/%s"\n' "$LAB_NAME" > etc/buildkit/buildkitd.toml
echo "$LAB_NAME" > proc/sys/kernel/hostname
printf '127.0.0.1 localhost\n127.0.0.1 %s\n' "$LAB_NAME" > etc/hosts
rm -f etc/resolv.conf
echo 'nameserver 10.0.2.3' > etc/resolv.conf

tries=200
until grep -q '^tap0[[:space:]]00000000[[:space:]]' proc/net/route; do
    tries=$((tries - 1))
    if [ "$tries" = 0 ]; then
        echo "lockage: no network interface within 10 s" >&2
        exit 1
    fi
    sleep 0.05
done

pivot_root . old
cd /
umount -l /old
rmdir /old

# Registries on the host's loopback have the same address in here. The engine reaches nothing else of the host's
# loopback (10.0.2.2), and containers reach nothing of it, except at an address that only BuildKit's service knows.
# "raw" precedes every rule that the engine's network plug-ins insert.
PATH=/usr/local/sbin:/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin
export PATH
if iptables-nft -t raw -S > /dev/null 2>&1; then ipt=iptables-nft; else ipt=iptables-legacy; fi
echo 1 > /proc/sys/net/ipv4/conf/tap0/route_localnet
for port in $LAB_PORT; do
    "$ipt" -w -t nat -A OUTPUT -d 127.0.0.1/32 -p tcp --dport "$port" -j DNAT --to-destination "10.0.2.2:$port"
    "$ipt" -w -A OUTPUT -d 10.0.2.2/32 -p tcp --dport "$port" -j ACCEPT
done
for forward in $LAB_FORWARDS; do
    at=${forward#*=}
    "$ipt" -w -t nat -A PREROUTING -d "${at%:*}/32" -p tcp --dport "${at#*:}" \
        -j DNAT --to-destination "10.0.2.2:${forward%%=*}"
done
"$ipt" -w -t nat -A POSTROUTING -s 127.0.0.0/8 -o tap0 -j MASQUERADE
"$ipt" -w -A OUTPUT -d 10.0.2.2/32 -j REJECT
"$ipt" -w -t raw -A PREROUTING -d 10.0.2.2/32 -j DROP

if [ -n "$LAB_QEMU" ]; then
    mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
    for line in /usr/lib/binfmt.d/qemu-*.conf; do
        name=$(basename "$line" .conf)
        if [ ! -e "/proc/sys/fs/binfmt_misc/$name" ]; then
            cat "$line" > /proc/sys/fs/binfmt_misc/register
            echo "$name" >> /run/dagger/binfmt
        fi
    done
fi

unset LAB_LOWER LAB_MOUNT LAB_STATE LAB_RUN LAB_CONFIG LAB_CERTS LAB_PORT LAB_FORWARDS LAB_NAME LAB_QEMU
exec tini -- dagger-engine --oci-cni-pool-size 8 --network-name dagger --network-cidr 10.87.0.0/16
