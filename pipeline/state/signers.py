"""Whose statements about a project's memory count, and who makes new ones (in-toto, in a DSSE envelope).

A statement is about the bytes that were stored, and bound to the project, to what they are about (`Binding`) and to the
builder. Each key writes under tags of its own, so that runs with other keys do not replace what it wrote.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import anyio

from pipeline.model import Digest, Platform
from pipeline.trust.dsse import Envelope
from pipeline.trust.private_key import PrivateKey
from pipeline.trust.statement import Statement, Statements
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.trust import PublicKey
    from pipeline.trust.keypair import KeyPair


@dataclass(frozen=True, slots=True)
class Binding:
    """What stored bytes are about: `kind` is the predicate type, `name` a key, a target's id or a project."""

    kind: str
    name: str
    image: Digest | None = None
    platform: Platform | None = None

    def predicate(self, project: str, builder: str) -> dict[str, Any]:
        """As the predicate of a statement."""
        return {
            "project": project,
            "name": self.name,
            **({"image": str(self.image)} if self.image else {}),
            **({"platform": str(self.platform)} if self.platform else {}),
            "builder": {"id": "lockage", "version": builder},
        }


class Signers:
    """The keys of a run: `own` is None where it has none, `private` where it cannot sign; `others` are trusted too."""

    def __init__(
        self,
        project: str,
        own: PublicKey | None,
        private: PrivateKey | None = None,
        others: Sequence[PublicKey] = (),
    ) -> None:
        self.project, self.own, self._private = project, own, private
        self.trusted = ((own,) if own else ()) + tuple(others)
        self._decrypting = anyio.Lock()

    @classmethod
    def of(cls, project: str, pair: KeyPair, others: Sequence[PublicKey] = ()) -> Signers:
        """Those of a run with this key pair. Raises ConfigError for a public key that cannot be read."""
        own = pair.public_key if pair.public else None
        return cls(project, own, PrivateKey(pair) if own and pair.private else None, others)

    @property
    def signs(self) -> bool:
        """Whether this run can write what later runs believe."""
        return self._private is not None

    def space(self, key: PublicKey) -> str:
        """What the tags of a project end with that a key signs: a hash of both."""
        return hashlib.sha256(f"{self.project}\n{key.fingerprint}".encode()).hexdigest()[:12]

    async def prepare(self) -> None:
        """Decrypt the key that `sign` needs, unless it is."""
        if self._private is not None:
            async with self._decrypting:
                await self._private.decrypt()

    def sign(self, binding: Binding, content: Digest) -> str:
        """The signed statement about stored bytes. Raises UsageError for a key that cannot sign."""
        assert self.own and self._private, "nothing is signed without a key"
        predicate = binding.predicate(self.project, program_version())
        payload = Statement(content, binding.kind, predicate).to_json()
        return Envelope.sign(payload, self._private, self.own.key_id).to_json()

    def problem(self, key: PublicKey, binding: Binding, content: Digest, envelope: object) -> str | None:
        """Why stored bytes are not believed: None if a key signed that they are about this."""
        if not isinstance(envelope, str):
            return "it is not signed"
        try:
            opened = Envelope.parse(envelope)
            if not opened.signed_by(key):
                return f"it is not signed by {key.origin}"
            statement = Statements.parse(opened.payload).about(content)
        except ValueError as fault:
            return f"its signature is of something else: {fault}"
        if statement.predicate_type != binding.kind:
            return f"it is signed as {statement.predicate_type[:100]}"
        wanted = binding.predicate(self.project, "")
        for name in ("project", "name", "image", "platform"):
            if name in wanted and statement.predicate.get(name) != wanted[name]:
                return f"it is signed for the {name} {str(statement.predicate.get(name))[:100]}, not {wanted[name]}"
        return None


@cache
def program_version() -> str:
    """The version of this program."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("lockage")
    except PackageNotFoundError:  # a Dagger module runs from its source, without being installed
        return "source"
