"""Rules against statements, one check a rule: what was wanted, what was found, whether that is enough."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from urllib.parse import unquote

from pipeline.model.path_pattern import PathPattern, wildcard_pattern
from pipeline.model.verification import Attestation, ProvenanceRules, VerdictRules, VerificationRules
from pipeline.util.dataclass import dataclass

from .provenance import Dependency, Provenance
from .summary import Summary

PREDICATES: Mapping[Attestation, tuple[str, ...]] = {
    "sbom": ("https://cyclonedx.org/bom", "https://spdx.dev/Document"),
    "findings": ("https://cosign.sigstore.dev/attestation/vuln/v1",),
    "provenance": ("https://slsa.dev/provenance/v1",),
    "tests": ("https://in-toto.io/attestation/test-result/v0.1",),
    "verdict": ("https://slsa.dev/verification_summary/v1",),
}
"""The predicate types of each kind of attestation; one of them is enough."""

_DAY = 86_400
_SKEW = 300  # seconds that a builder's clock may be ahead


@dataclass(frozen=True, slots=True)
class Attested:
    """One statement that an accepted signer has signed about an image."""

    predicate_type: str
    predicate: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Check:
    """One rule about one subject; `rule` is its path in the rules, such as `provenance.branches`."""

    rule: str
    wanted: str
    found: str
    passed: bool

    def to_json(self) -> dict[str, object]:
        """The check as data."""
        return {"rule": self.rule, "wanted": self.wanted, "found": self.found, "passed": self.passed}


def judge_attestations(rules: VerificationRules, attested: Sequence[Attested], now: int) -> tuple[Check, ...]:
    """The checks of one platform's image. `attested` is what accepted signers have signed about it, `now` in seconds
    since 1970. Of several statements of a kind the one counts that meets most rules."""
    checks: list[Check] = []
    for kind in rules.required:
        attestations = [a for a in attested if a.predicate_type in PREDICATES[kind]]
        state = "attested" if attestations else "none"
        checks.append(Check(f"attestations.{kind}", "attested", state, bool(attestations)))
        if kind == "provenance" and attestations:
            checks += _best(
                attestations, lambda one: _provenance(rules.provenance, Provenance.of(one), now), kind
            )
        elif kind == "verdict" and attestations:
            checks += _best(attestations, lambda one: _verdict(rules.verdict, Summary.of(one), now), kind)
        elif kind == "tests" and attestations:
            checks += _best(attestations, _tests, kind)
    return tuple(checks)


def _best(
    attestations: Sequence[Attested], judge: Callable[[Mapping[str, object]], Iterable[Check]], kind: str
) -> list[Check]:
    """The checks of the statement with the fewest failures; one that cannot be read has failed."""
    judged = []
    for one in attestations:
        try:
            judged.append(list(judge(one.predicate)))
        except ValueError as fault:
            judged.append([Check(kind, "a statement that can be read", str(fault), passed=False)])
    return min(judged, key=lambda checks: (sum(not c.passed for c in checks), -len(checks)))


def _provenance(rules: ProvenanceRules, of: Provenance, now: int) -> Iterator[Check]:
    if rules.builders:
        yield _one_of("provenance.builders", rules.builders, of.builder)
    if rules.build_types:
        yield _one_of("provenance.build_types", rules.build_types, of.build_type)
    if rules.sources:
        yield _one_of("provenance.sources", rules.sources, of.source)
    if rules.branches or rules.tags:
        yield _ref(rules, of)
    if rules.commits:
        passed = of.commit in rules.commits and not of.modified
        commit = _committed(of, of.commit or "none")
        yield Check("provenance.commits", _listed(rules.commits), commit, passed)
    if rules.max_age is not None:
        yield _age("provenance.max_age", rules.max_age, of.finished, now)
    if rules.bases:
        yield _bases(rules.bases, of.dependencies)
    if rules.forbidden:
        yield _forbidden(rules.forbidden, of.dependencies)


def _ref(rules: ProvenanceRules, of: Provenance) -> Check:
    passed = not of.modified and any(
        name is not None and _matches(patterns, name)
        for patterns, name in ((rules.branches, of.branch), (rules.tags, of.tag))
    )
    wanted = [f"branch {b}" for b in rules.branches] + [f"tag {t}" for t in rules.tags]
    rule = "provenance.branches" if rules.branches else "provenance.tags"
    return Check(rule, _listed(wanted), _committed(of, of.ref or "no ref"), passed)


def _committed(of: Provenance, commit: str) -> str:
    return f"{commit}, with changes that are not committed" if of.modified else commit


def _bases(patterns: Sequence[str], dependencies: Iterable[Dependency]) -> Check:
    others = [d.uri for d in dependencies if d.is_base and not _matches(patterns, _repository(d.uri))]
    return Check("provenance.bases", _listed(patterns), _listed(others) or "only these", passed=not others)


def _forbidden(patterns: Sequence[str], dependencies: Iterable[Dependency]) -> Check:
    hit = [
        d.uri or d.role for d in dependencies if _matches(patterns, d.uri) or set(d.digests) & set(patterns)
    ]
    return Check(
        "provenance.forbidden", f"none of {_listed(patterns)}", _listed(hit) or "none", passed=not hit
    )


def _repository(uri: str) -> str:
    """The repository of an image's URI: of a package URL with its `repository_url`, else as it stands."""
    text = uri.partition("@")[0]
    qualifiers = dict(part.partition("=")[::2] for part in uri.partition("?")[2].split("&"))
    if "repository_url" in qualifiers:
        return unquote(qualifiers["repository_url"])
    for prefix in ("pkg:docker/", "pkg:oci/", "docker://", "oci://"):
        text = text.removeprefix(prefix)
    return unquote(text)


def _verdict(rules: VerdictRules, of: Summary, now: int) -> Iterator[Check]:
    yield Check("verdict.result", "PASSED", of.result, of.result == "PASSED")
    if rules.verifiers:
        yield _one_of("verdict.verifiers", rules.verifiers, of.verifier)
    if rules.policies:
        passed = bool(set(of.policies) & set(rules.policies))
        yield Check("verdict.policies", _listed(rules.policies), _listed(of.policies) or "none", passed)
    if rules.max_age is not None:
        yield _age("verdict.max_age", rules.max_age, of.verified, now)


def _tests(predicate: Mapping[str, object]) -> Iterator[Check]:
    """Test results (in-toto, test-result v0.1): `result` is PASSED, WARNED or FAILED."""
    result = predicate.get("result")
    yield Check("attestations.tests", "PASSED", str(result)[:40], result == "PASSED")


def _age(rule: str, days: int, moment: int | None, now: int) -> Check:
    wanted = f"at most {days} days"
    if moment is None:
        return Check(rule, wanted, "no time", passed=False)
    age = now - moment
    age_text = f"{max(age, 0) / _DAY:.1f} days" if age >= -_SKEW else "a time to come"
    return Check(rule, wanted, age_text, -_SKEW <= age <= days * _DAY)


def _one_of(rule: str, patterns: Sequence[str], actual: str | None) -> Check:
    passed = actual is not None and _matches(patterns, actual)
    return Check(rule, _listed(patterns), actual or "none", passed)


def _matches(patterns: Iterable[str], text: str) -> bool:
    return any(_compiled(pattern).fullmatch(text) for pattern in patterns)


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> PathPattern:
    return wildcard_pattern(pattern)


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(texts)
