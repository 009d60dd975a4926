"""A small pipeline for an engine under test, run as a program: registry and probe binary in, JSON out."""

import json
import re
import sys
from pathlib import Path

import anyio
import dagger
from dagger import dag


def mirror() -> str:
    """The host of this machine's own Debian mirror: a name that resolves wherever packages can be had."""
    apt = Path("/etc/apt")
    places = [apt / "sources.list", *apt.glob("sources.list.d/*.sources"), *apt.glob("sources.list.d/*.list")]
    text = "\n".join(place.read_text() for place in places if place.is_file())
    return re.findall(r"^(?:deb|URIs:)\s.*?https?://([^/\s]*debian[^/\s]*)/", text, re.MULTILINE)[0]


async def main(registry: str, probe: str, addresses: list[str]) -> dict[str, object]:
    """Exec, publish, build FROM the digest just published, read back; then what a container can reach."""
    async with dagger.connection(dagger.Config(log_output=sys.stderr)):
        base = dag.container().with_file("/probe", dag.host().file(probe), permissions=0o755)
        made = base.with_exec(["/probe", "write", "/made", "by an exec"])
        ref = await made.publish(f"{registry}/probe/base:1")
        again = await made.publish(f"{registry}/probe/base:1")
        dockerfile = (
            f'FROM {ref} AS b\nRUN ["/probe", "write", "/built", "by a Dockerfile"]\n'
            "FROM scratch\nCOPY --from=b /made /built /\n"
        )
        image = await dag.directory().with_new_file("Dockerfile", dockerfile).docker_build().sync()
        built = await image.publish(f"{registry}/probe/built:1")
        back = dag.container().from_(built)
        dialled = await dag.container().from_(ref).with_exec(["/probe", "dial", *addresses]).stdout()
        names = await dag.container().from_(ref).with_exec(["/probe", "resolve", mirror()]).stdout()
        return {
            "same": ref == again,
            "base": ref,
            "built": built,
            "files": [await back.file("/made").contents(), await back.file("/built").contents()],
            "dialled": dict(line.split(" ", 1) for line in dialled.splitlines()),
            "resolves": names.startswith("true"),
        }


if __name__ == "__main__":
    print(json.dumps(anyio.run(main, sys.argv[1], sys.argv[2], sys.argv[3:])))
