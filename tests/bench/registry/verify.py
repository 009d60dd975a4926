"""`lockage verify` against `cosign verify`: one signed image, and a hundred; and by rules."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.bench.clock import Command, Sample, cpu, in_turns, wall
from tests.bench.figures import Figure
from tests.bench.stand import Home, Stand
from tests.registry.images import image, push
from tests.tools import logins

_MANY = 100
_LOOP = """
import subprocess, sys
for reference in sys.argv[7:]:
    subprocess.run([*sys.argv[1:7], reference], check=True, capture_output=True)
"""


def measure(stand: Stand) -> list[Figure]:
    """Indexes of one platform, signed by a key as a run signs them; cosign looks at the index alone."""
    home = stand.home("verify")
    home.command("up").run()
    stand.say(f"{_MANY} signed images")
    references, key = _signed(stand, home)
    rules = stand.scratch / "rules.yml"
    rules.write_text("verify: [{images: ['**'], signers: [{key: verify.pub}]}]\n")
    figures = []
    for count, goal, rounds in ((1, 0.6, stand.rounds), (_MANY, 0.5, min(stand.rounds, 3))):
        stand.say(f"verifying {count}, {rounds} rounds")
        some = references[:count]
        found = in_turns(
            {
                "key": home.command("verify", "--key", str(key), *some),
                "rules": home.command("verify", "--rules", str(rules), *some),
                "cosign": _cosign(stand, home, key, some),
            },
            rounds,
        )
        for name, what in (("key", "the index"), ("rules", "the index and its platform")):
            figures.append(_figure(f"verify {count}, --{name}", found, name, goal, f"ours looks at {what}"))
    return figures


def _figure(what: str, found: dict[str, list[Sample]], name: str, goal: float, note: str) -> Figure:
    one = what.startswith("verify 1,")
    ours = found[name]
    return Figure(
        what,
        wall(ours),
        wall(found["cosign"]),
        "cosign verify" if one else "cosign verify, in a loop",
        goal=goal,
        absolute=one,
        spread=(min(s.seconds for s in ours), max(s.seconds for s in ours)),
        cpu=cpu(ours),
        peer_cpu=cpu(found["cosign"]),
        note=note,
    )


def _cosign(stand: Stand, home: Home, key: Path, references: list[str]) -> Command:
    options = ["verify", "--key", key, "--insecure-ignore-tlog", "--allow-http-registry"]
    return Command(
        [sys.executable, "-c", _LOOP, stand.tool("cosign"), *options, *references], home.env, stand.scratch
    )


def _signed(stand: Stand, home: Home) -> tuple[list[str], Path]:
    """References by digest, and the file with the public key that signed them."""
    import anyio

    from pipeline.model import Repository
    from pipeline.registry import Registry
    from pipeline.trust import PrivateKey, PublicKey, Statement, attach, signed_bundle
    from pipeline.trust.keypair import generate
    from pipeline.trust.statement import SIGNATURE

    pair = generate()
    key = stand.scratch / "verify.pub"
    key.write_bytes(pair.public)
    public, private = PublicKey(pair.public, "verify.pub"), PrivateKey(pair)

    async def run() -> list[str]:
        out = []
        async with Registry(logins.access()) as registry:
            for number in range(_MANY):
                repository = Repository(home.host, f"bench/verify{number}")
                made = image(str(number), platforms=("linux/amd64",), layers=1)
                await push(registry, repository, made)
                for manifest in (made.index, *made.children):
                    subject = manifest.descriptor
                    statement = Statement(subject.digest, SIGNATURE, {})
                    bundle = signed_bundle(statement, private, public)
                    await attach(registry, repository, subject, bundle, created=0)
                out.append(str(repository.at(made.index.digest)))
        return out

    return anyio.run(run), key
