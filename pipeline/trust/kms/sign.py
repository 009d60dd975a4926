"""Statements signed by `cosign attest-blob` with a key of AWS, Google Cloud, Azure or Vault."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from pipeline.errors import EnvironmentProblem, UsageError
from pipeline.util.child_environment import ChildEnvironment, command_line, find_program
from pipeline.util.concurrency import each
from pipeline.util.files import read_file, replace_file
from pipeline.util.json.canonical import compact

from ..limits import BUNDLE_BYTES
from ..public_key import PublicKey
from ..statement import Statement

_TYPE = "application/vnd.dev.sigstore"
_NO_SERVICES = compact(
    {"mediaType": f"{_TYPE}.signingconfig.v0.2+json", "rekorTlogConfig": {}, "tsaConfig": {}}
)
_NO_ROOT = compact({"mediaType": f"{_TYPE}.trustedroot+json;version=0.1"})
_AT_ONCE = 4
_PATIENCE = 120.0  # seconds for one statement


class KmsSigner:
    """Signs with the key behind a reference; `signatory` is its public half, in a file, so that nothing but signing
    needs the service. `environ` is what cosign gets, None where no cosign can run."""

    def __init__(self, reference: str, signatory: PublicKey, environ: ChildEnvironment | None) -> None:
        self.signatory, self._reference, self._environ = signatory, reference, environ
        self._limit = anyio.CapacityLimiter(_AT_ONCE)

    async def sign(self, statements: Sequence[Statement]) -> list[bytes]:
        """A bundle of each statement, in the order given.

        Raises UsageError for a key that is not the other half of the public one, EnvironmentProblem where cosign is
        missing or the service refuses.
        """
        return await each(self._sign, statements)

    async def _sign(self, statement: Statement) -> bytes:
        async with self._limit:
            with TemporaryDirectory(prefix="lockage-kms-") as folder:
                raw = await self._run_cosign(Path(folder), statement)
        seen = self.signatory.statement(raw, statement.subject)
        if isinstance(seen, str):
            raise UsageError(
                f"the key {self._reference} does not belong to {self.signatory.origin}: {seen}",
                hint=f"cosign public-key --key {self._reference} writes the public key; sign: public_key: names it",
            )
        if seen.to_json() != statement.to_json():
            raise EnvironmentProblem("cosign signed another statement than it was given")
        return raw

    async def _run_cosign(self, folder: Path, statement: Statement) -> bytes:
        environ = self._environ
        if environ is None or find_program("cosign", environ.get("PATH", "")) is None:
            raise EnvironmentProblem(
                f"there is no cosign to sign with {self._reference}",
                hint="put cosign 3 on PATH; a Dagger function has none: sign with the lockage command",
            )
        contents = {"statement": statement.to_json(), "services": _NO_SERVICES, "root": _NO_ROOT}
        for name, content in contents.items():
            replace_file(folder / name, content)
        try:
            reason = await _run(attest_argv(self._reference, folder), environ)
        except TimeoutError:
            raise self._refused(f"no response within {_PATIENCE:.0f} s") from None
        if reason is not None:
            raise self._refused(reason)
        return read_file(folder / "bundle", BUNDLE_BYTES + 1)

    def _refused(self, reason: str) -> EnvironmentProblem:
        return EnvironmentProblem(
            f"nothing was signed with {self._reference}: {reason}",
            hint="cosign takes addresses and credentials from the environment, such as VAULT_ADDR and VAULT_TOKEN",
        )


async def _run(argv: Sequence[str], environ: ChildEnvironment) -> str | None:
    """Why a command failed, by the last line that it printed. Raises TimeoutError."""
    with anyio.fail_after(_PATIENCE):
        done = await anyio.run_process(command_line(argv, environ), env=environ, check=False)
    lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
    return (lines[-1][:300] if lines else f"exit code {done.returncode}") if done.returncode else None


def attest_argv(reference: str, folder: Path) -> list[str]:
    """The command line that signs `statement` in a folder as it is, into `bundle`: no log, no timestamp, as with a key
    pair. No secret is in it."""
    return [
        *("cosign", "attest-blob", "--yes", "--key", reference, "--statement", str(folder / "statement")),
        *("--signing-config", str(folder / "services"), "--trusted-root", str(folder / "root")),
        *("--bundle", str(folder / "bundle")),
    ]
