#!/bin/sh
# BuildKit's OCI runtime. A container without a network namespace of its own (RUN --network=host) joins that of its
# runtime: the one which daemon.sh has prepared, instead of the daemon's.
runtime=$(command -v buildkit-runc || command -v runc)
exec nsenter --net=/run/lockage/host-network "$runtime" "$@"
