"""The script of a release that verifies its images and pulls them by digest."""

from __future__ import annotations

from shlex import quote

from .values import ReleaseNotes, Signer

KEY_FILE = "cosign.pub"
_NO_LOG = "--insecure-ignore-tlog=true"  # with a key there is no entry in a transparency log to look for

_SCRIPT = """\
#!/bin/sh
# Verifies the images of {title} with cosign, then pulls them by digest and names them by tag.
#   sh install.sh             every image
#   sh install.sh NAME …      only these: {names}
# CONTAINER_CLI is docker unless it is set (podman, nerdctl). Needs cosign 3.
set -eu
cli=${{CONTAINER_CLI:-docker}}
command -v cosign >/dev/null || {{ echo "cosign is not on PATH: https://docs.sigstore.dev" >&2; exit 1; }}
command -v "$cli" >/dev/null || {{ echo "$cli is not on PATH; CONTAINER_CLI names another one" >&2; exit 1; }}
{key}
wanted=" $* "
[ $# -gt 0 ] || wanted=""
for name in "$@"; do
    case "{spaced}" in *" $name "*) ;; *) echo "no image of this release is called $name" >&2; exit 2 ;; esac
done

install() {{ # name, reference by digest, reference by tag, tag
    case "$wanted" in "" | *" $1 "*) ;; *) return 0 ;; esac
    cosign verify {options} -a {claim} "$2" >/dev/null
    "$cli" pull "$2"
    "$cli" tag "$2" "$3"
    echo "$1: verified, $3"
}}

{calls}
"""


def verify_options(signer: Signer, key: str = KEY_FILE) -> str:
    """Options of `cosign verify`; `key` is the file or shell word for the public key."""
    if signer.key:
        return f"--key {key} {_NO_LOG}"
    return " ".join(f"{option} {quote(value)}" for option, value in signer.options)


def install_script(notes: ReleaseNotes) -> str:
    """A POSIX shell script for all images of a release, from their first repositories."""
    names = [image.name for image in notes.images]
    calls = [
        f"install {quote(image.name)} {quote(str(image.repositories[0].at(image.digest)))} "
        f"{quote(str(image.repositories[0].tagged(image.tags[0])))} {quote(image.tags[0])}"
        for image in notes.images
    ]
    key = ""
    if notes.signer.key:
        key = (
            "key=$(mktemp)\ntrap 'rm -f \"$key\"' EXIT\n"
            f"cat >\"$key\" <<'KEY'\n{notes.signer.key.strip()}\nKEY"
        )
    values = {
        "title": f"{notes.project} {notes.version}",
        "names": " ".join(names),
        "spaced": f" {' '.join(names)} ",
        "key": key,
        "options": verify_options(notes.signer, '"$key"'),
        "claim": '"tag=$4"',
        "calls": "\n".join(calls),
    }
    return _SCRIPT.format(**values)
