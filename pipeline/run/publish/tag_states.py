"""Where the tags of an environment are, and where Lockage left them: by the ledger, else by signatures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.model import Digest
from pipeline.policy.tag_moves import TagPosition, TagState, revision_tag
from pipeline.trust.verify import examine

if TYPE_CHECKING:
    from pipeline.state.ledger import Ledger

    from ..context import RunContext
    from .environment_tags import Candidate


class CurrentTags:
    """The states of a candidate's tags; what is `named` already is not requested, and each digest is verified at most
    once."""

    def __init__(
        self,
        context: RunContext,
        ledger: Ledger,
        candidate: Candidate,
        named: Mapping[str, Digest | None],
    ) -> None:
        self._context, self._ledger, self._candidate = context, ledger, candidate
        self._named = named
        self._signed: dict[Digest, tuple[str, frozenset[str]]] = {}

    async def state(self, tag: str) -> TagState:
        """A tag as the registry has it, and where Lockage left it."""
        candidate = self._candidate
        now = self._named[tag] if tag in self._named else await self._now(tag)
        left = self._ledger.left(candidate.image, tag)
        if left is None and now is not None and now != candidate.digest:
            left = await self._by_signature(tag, now)
        return TagState(now, left)

    async def _now(self, tag: str) -> Digest | None:
        manifest = await self._context.registry.head(self._candidate.destination.repository.tagged(tag))
        return manifest.digest if manifest else None

    async def revision(self) -> tuple[str, TagState]:
        """The revision that the candidate has or gets."""
        candidate, known = self._candidate, dict[str, Digest | None]()
        while True:
            tag = revision_tag(candidate.version, candidate.digest, known)
            state = await self.state(tag)
            held = state.now or state.written
            if tag in known or held in (None, candidate.digest) or not state.is_ours:
                return tag, state
            known[tag] = held

    async def _by_signature(self, tag: str, digest: Digest) -> TagPosition | None:
        """Where a tag is that was written before there was a ledger: at a digest that this key signed for it."""
        if digest not in self._signed:
            self._signed[digest] = await self._claimed(digest)
        version, tags = self._signed[digest]
        ours = tag in tags or (version and tag.startswith(f"{version}-r"))
        return TagPosition(digest, version) if ours else None

    async def _claimed(self, digest: Digest) -> tuple[str, frozenset[str]]:
        context, candidate = self._context, self._candidate
        key, repository = context.signing.public_key, candidate.destination.repository
        seen = await examine(context.registry, repository, digest, key)
        claims = [one for one in seen.claims if one.image == candidate.image]
        return (claims[0].tag, frozenset(t for c in claims for t in c.tags)) if claims else ("", frozenset())
