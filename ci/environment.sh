# Sourced by ./lockage and tests/run, with $root set: the Python environment from uv.lock, made once.

uv_pins=$root/pipeline/lab/tools/uv.txt  # version and hashes, shared with the program
uv_version=$(sed -n 's/^uv==\([^ ]*\).*/\1/p' "$uv_pins")

say() { printf '%s\n' "lockage: $*" >&2; }
fail() { printf '%s\n' "error: $1" "next: $2" >&2; exit 4; }

# prepare_environment run|test: `test` has the tools of development besides.
prepare_environment() {
    wanted="$(cat "$root/uv.lock" "$root/pyproject.toml" | sha256sum | cut -c1-16)"
    have=$(cat "$root/.venv/.lockage" 2>/dev/null || true)
    case "$have" in "$wanted test") return ;; "$wanted run") [ "$1" = test ] || return 0 ;; esac
    find_python
    find_uv
    say "installing Python packages by uv.lock into .venv (once for each change of it)"
    groups="--no-dev --inexact"  # what an earlier tests/run put there may stay
    [ "$1" = test ] && groups=--all-groups
    "$uv" sync --project "$root" --frozen --quiet --compile-bytecode --no-python-downloads --python "$python" $groups ||
        fail "uv could not install the packages of uv.lock" "look at the lines above; is a package index reachable?"
    "$root/.venv/bin/python" -m compileall -q "$root/pipeline" || true  # a sixth of start-up where it is switched off
    printf '%s %s\n' "$wanted" "$1" >"$root/.venv/.lockage"
}

find_python() {
    for python in python3 python3.14 python3.13 python3.12 python3.11; do
        command -v "$python" >/dev/null 2>&1 || continue
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && return
    done
    fail "no Python 3.11 or newer on PATH" "apt-get install python3 (Debian 12 or newer), then run this again"
}

# uv from PATH, else a copy of our own in the user's cache, installed by pip.
find_uv() {
    uv=$(command -v uv || true)
    [ -n "$uv" ] && return
    tools="${LOCKAGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lockage}/uv-$uv_version"
    uv=$tools/bin/uv
    [ -x "$uv" ] && return
    say "installing uv $uv_version into $tools (once)"
    rm -rf "$tools.new"
    mkdir -p "$(dirname "$tools")"
    if ! "$python" -m venv "$tools.new" >/dev/null 2>&1; then
        [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 ||
            fail "$python has no venv module" "apt-get install python3-venv, then run this again"
        say "installing Debian's python3-venv"
        { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv; } >/dev/null 2>&1 ||
            fail "apt-get could not install python3-venv" "apt-get install python3-venv, then run this again"
        rm -rf "$tools.new"
        "$python" -m venv "$tools.new" >/dev/null
    fi
    "$tools.new/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$uv_pins" ||
        fail "pip could not install uv $uv_version by its hash" "is a package index reachable, and does it serve what $uv_pins names?"
    mv "$tools.new" "$tools"
}
