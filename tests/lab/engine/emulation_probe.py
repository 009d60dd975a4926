"""Run a foreign binary on an engine under test, in an exec and in a Dockerfile: probe and platform in, text out."""

import sys

import anyio
import dagger
from dagger import dag


async def main(probe: str, platform: str) -> str:
    """What the probe wrote in each."""
    async with dagger.connection(dagger.Config(log_output=sys.stderr)):
        foreign = dag.container(platform=dagger.Platform(platform))
        base = foreign.with_file("/probe", dag.host().file(probe), permissions=0o755)
        ran = await base.with_exec(["/probe", "write", "/made", "exec"]).file("/made").contents()
        context = (
            dag.directory()
            .with_file("probe", dag.host().file(probe), permissions=0o755)
            .with_new_file(
                "Dockerfile", 'FROM scratch\nCOPY probe /\nRUN ["/probe", "write", "/made", "RUN"]\n'
            )
        )
        built = context.docker_build(platform=dagger.Platform(platform))
        return f"{ran} {await built.file('/made').contents()}"


if __name__ == "__main__":
    print(anyio.run(main, sys.argv[1], sys.argv[2]))
