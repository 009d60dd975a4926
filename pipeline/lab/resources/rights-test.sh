# Whether this container may do what an engine has to: start a container in a control group of its own, with
# namespaces, a session keyring and a proc. Run inside the engine's container; says what was refused.
set -eu
bundle=/run/lockage-rights
mkdir -p "$bundle/root"
mount --bind / "$bundle/root"
trap 'umount "$bundle/root"; rm -f "$bundle/config.json"; rmdir "$bundle/root" "$bundle"' EXIT
cat > "$bundle/config.json" <<'SPEC'
{
  "ociVersion": "1.0.2",
  "process": {"user": {"uid": 0, "gid": 0}, "args": ["/bin/true"], "cwd": "/", "env": ["PATH=/bin"]},
  "root": {"path": "root"},
  "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
  "linux": {
    "cgroupsPath": "/lockage-rights",
    "namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}, {"type": "network"}]
  }
}
SPEC
runc --log /dev/null run --bundle "$bundle" lockage-rights < /dev/null
