"""Use insecure_root_capabilities on an engine under test, in an exec and in a service: probe binary in, JSON out."""

import json
import sys

import anyio
import dagger
from dagger import dag


async def main(probe: str) -> dict[str, str]:
    """What the exec did, and whether the service, which does the same before it listens, could be reached."""
    async with dagger.connection(dagger.Config(log_output=sys.stderr)):
        base = dag.container().with_file("/probe", dag.host().file(probe), permissions=0o755)
        state = base.with_mounted_cache("/state", dag.cache_volume("rights"))
        done = state.with_exec(["/probe", "rights", "/state/exec"], insecure_root_capabilities=True)
        service = state.with_exposed_port(8080).as_service(
            args=["/probe", "serve", "8080", "/state/service"], insecure_root_capabilities=True
        )
        client = base.with_service_binding("service", service)
        return {
            "exec": (await done.stdout()).strip(),
            "service": (await client.with_exec(["/probe", "dial", "service:8080"]).stdout()).strip(),
        }


if __name__ == "__main__":
    print(json.dumps(anyio.run(main, sys.argv[1])))
