"""The rules that engines without a language of their own for statements cannot judge."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.model.verification import VerificationRules


def beyond_patterns(rules: VerificationRules) -> Iterator[str]:
    """Those that ask for more than one text of a predicate that matches."""
    provenance, verdict = rules.provenance, rules.verdict
    for name in ("sources", "branches", "tags", "commits", "bases", "forbidden"):
        if getattr(provenance, name):
            yield f"provenance.{name}"
    if provenance.max_age is not None:
        yield "provenance.max_age"
    if verdict.policies:
        yield "verdict.policies"
    if verdict.max_age is not None:
        yield "verdict.max_age"
