"""The rules as CEL, for predicates that an accepted signer has signed; `p` is the predicate.

Each is what `policy/verification/judge.py` decides of one statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.model.verification import Attestation, ProvenanceRules, VerdictRules, VerificationRules
from pipeline.util.dataclass import dataclass

from .patterns import alternatives, quoted, re2

_DEPENDENCIES = "p.buildDefinition.resolvedDependencies"
_GIT = f"{_DEPENDENCIES}.filter(d, has(d.uri) && d.uri.matches('^git[+][^@#?]+(@[^#?]*)?$'))[0]"
UNWRITTEN = ("provenance.bases",)
"""The rules without an expression: the repository in a package URL is escaped, and CEL cannot decode it."""
_SKEW = "300s"


@dataclass(frozen=True, slots=True)
class Condition:
    """One rule by its path, as CEL that gives a boolean or fails."""

    rule: str
    kind: Attestation
    cel: str


def conditions(rules: VerificationRules) -> tuple[tuple[Condition, ...], tuple[str, ...]]:
    """What the predicates have to say, and the rules that no expression is written for."""
    out: list[Condition] = []
    if "tests" in rules.required:
        out.append(Condition("attestations.tests", "tests", 'p.result == "PASSED"'))
    if "verdict" in rules.required:
        out += (Condition(f"verdict.{rule}", "verdict", cel) for rule, cel in _verdict(rules.verdict))
    out += (Condition(f"provenance.{rule}", "provenance", cel) for rule, cel in _provenance(rules.provenance))
    return tuple(out), UNWRITTEN if rules.provenance.bases else ()


def _verdict(rules: VerdictRules) -> Iterator[tuple[str, str]]:
    yield "result", 'p.verificationResult == "PASSED"'
    if rules.verifiers:
        yield "verifiers", f"p.verifier.id.{matches(rules.verifiers)}"
    if rules.policies:
        yield (
            "policies",
            f"p.policy.digest.exists(a, (a + ':' + p.policy.digest[a]) in {_list(rules.policies)})",
        )
    if rules.max_age is not None:
        yield "max_age", _age("p.timeVerified", rules.max_age)


def _provenance(rules: ProvenanceRules) -> Iterator[tuple[str, str]]:
    if rules.builders:
        yield "builders", f"p.runDetails.builder.id.{matches(rules.builders)}"
    if rules.build_types:
        yield "build_types", f"p.buildDefinition.buildType.{matches(rules.build_types)}"
    if rules.sources:
        pattern = f"(?s)^git[+](?:{alternatives(rules.sources)})$"
        yield "sources", f'{_GIT}.uri.split("@")[0].matches({quoted(pattern)})'
    if rules.branches or rules.tags:
        yield "branches" if rules.branches else "tags", f"{_GIT}.uri.matches({quoted(_ref(rules))})"
    if rules.commits:
        commit = "('gitCommit' in d.digest ? d.digest.gitCommit : d.digest.sha1)"
        yield "commits", f"[{_GIT}].all(d, {commit} in {_list(rules.commits)})"
    if rules.forbidden:
        yield "forbidden", _forbidden(rules.forbidden)
    if rules.max_age is not None:
        metadata = "p.runDetails.metadata"
        finished = f"(has({metadata}.finishedOn) ? {metadata}.finishedOn : {metadata}.startedOn)"
        yield "max_age", _age(finished, rules.max_age)


def _ref(rules: ProvenanceRules) -> str:
    kinds = (("heads", rules.branches), ("tags", rules.tags))
    refs = "|".join(f"{kind}/(?:{alternatives(patterns)})" for kind, patterns in kinds if patterns)
    return f"(?s)^git[+][^@#?]+@refs/(?:{refs})$"


def _forbidden(patterns: tuple[str, ...]) -> str:
    uri = f"has(d.uri) && d.uri.{matches(patterns)}"
    digest = f"has(d.digest) && d.digest.exists(a, (a + ':' + d.digest[a]) in {_list(patterns)})"
    return f"!has({_DEPENDENCIES}) || !{_DEPENDENCIES}.exists(d, ({uri}) || ({digest}))"


def _age(moment: str, days: int) -> str:
    age = f"time.now() - timestamp({moment})"
    return f'{age} <= duration("{days * 24}h") && {age} >= duration("-{_SKEW}")'


def matches(patterns: Iterable[str]) -> str:
    """The call that tests whether a text matches one of some patterns."""
    return f"matches({quoted(re2(patterns))})"


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(quoted, texts))}]"
