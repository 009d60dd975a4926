"""A consumer's file of rules: read whole, its mistakes at their lines."""

from __future__ import annotations

from datetime import date

import pytest

from pipeline.config.verification.file import read_admission, read_rules
from pipeline.config.verification.named_files import unreadable
from pipeline.errors import ConfigError
from pipeline.model import Repository
from pipeline.model.verification import (
    AcceptedSigner,
    Admission,
    AdmissionRules,
    Exemption,
    VerificationRules,
)

WHOLE = b"""\
version: 1
verify:
  - images: [ghcr.io/acme/prod/*]
    signers:
      - key: keys/release.pub
      - identity: https://github.com/acme/images/.github/workflows/build.yml@refs/heads/main
        issuer: https://token.actions.githubusercontent.com
      - identity_regexp: ^https://github\\.com/acme/.*$
        issuer_regexp: ^https://token\\.actions\\..*$
        trusted_root: sigstore/root.json
    attestations: [sbom, findings, tests]
    provenance:
      builders: ["https://github.com/acme/**"]
      sources: [https://github.com/acme/images]
      branches: [main, release/*]
      tags: [v*]
      bases: [docker.io/library/debian]
      forbidden: [sha256:%s]
      max_age: 90d
    verdict: {policies: [sha256:%s], max_age: 7d}
  - images: ["**"]
    attestations: [sbom]
""" % (b"d" * 64, b"e" * 64)


def test_a_file_is_read_whole_and_the_first_rules_count() -> None:
    rules = read_rules(WHOLE, "rules.yml")
    prod = rules.of(Repository("ghcr.io", "acme/prod/app"))
    assert prod is not None
    assert [str(signer) for signer in prod.signers] == [
        "keys/release.pub",
        "https://github.com/acme/images/.github/workflows/build.yml@refs/heads/main "
        "(issuer https://token.actions.githubusercontent.com)",
        r"^https://github\.com/acme/.*$ (issuer ^https://token\.actions\..*$)",
    ]
    assert prod.required == ("sbom", "findings", "provenance", "tests", "verdict")
    assert (prod.provenance.max_age, prod.verdict.max_age) == (90, 7)
    other = rules.of(Repository("ghcr.io", "acme/prod/team/app"))
    assert other == VerificationRules(attestations=("sbom",))
    assert VerificationRules.from_json(prod.to_json()) == prod


def test_an_image_without_rules_has_none() -> None:
    rules = read_rules(b"verify: [{images: [ghcr.io/acme/*]}]", "rules.yml")
    assert rules.of(Repository("ghcr.io", "acmes/app")) is None


def test_a_signer_is_read_as_it_is_written() -> None:
    (rules,) = read_rules(b"verify: [{images: [a/b], signers: [{key: a.pub}]}]", "r.yml").all
    assert rules.signers == (AcceptedSigner("a.pub"),)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "verify: is missing"),
        (b"verify: []", "the list is empty"),
        (b"verify: [{images: []}]", "the list is empty"),
        (b"verify: [{signers: []}]", "images: is missing"),
        (b"verify: [{images: [a], signer: []}]", "is not a known key"),
        (b"verify: [{images: [a], signers: []}]", "the list is empty"),
        (b"verify: [{images: [a], attestations: []}]", "the list is empty"),
        (b"verify: [{images: [a], provenance: {branches: []}}]", "the list is empty"),
        (b"verify: [{images: [a], provenance: {forbidden: []}}]", "the list is empty"),
        (b"verify: [{images: [a], verdict: {policies: []}}]", "the list is empty"),
        (b"verify: [{images: [a], signers: [{}]}]", "a signer is a key, or an identity"),
        (b"verify: [{images: [a], signers: [{key: a, issuer: b}]}]", "a signer is a key, or an identity"),
        (b"verify: [{images: [a], signers: [{identity: a}]}]", "a signer is a key, or an identity"),
        (
            b"verify: [{images: [a], signers: [{identity: a, identity_regexp: '^a$', issuer: b}]}]",
            "a signer is",
        ),
        (
            b"verify: [{images: [a], signers: [{identity_regexp: '(', issuer: b}]}]",
            "not a regular expression",
        ),
        (b"verify: [{images: [a], signers: [{key: ../a.pub}]}]", "must be a path below"),
        (b"verify: [{images: [a], signers: [{identity: '', issuer: b}]}]", "is empty"),
        (b"verify: [{images: [a], signers: [{identity_regexp: acme, issuer: b}]}]", "is not anchored"),
        (
            b"verify: [{images: [a], signers: [{key: a, trusted_root: b}]}]",
            "a signer is a key, or an identity",
        ),
        (b"verify: [{images: [a], attestations: [sboms]}]", "is not one of"),
        (b"verify: [{images: [a], provenance: {commits: [abc]}}]", "not a whole commit"),
        (b"verify: [{images: [a], provenance: {max_age: soon}}]", "not a number of days"),
        (b"verify: [{images: [a], verdict: {policies: [abc]}}]", "not a digest"),
        (b"version: 2\nverify: [{images: [a]}]", "is not one of"),
    ],
)
def test_a_mistake_is_named(text: bytes, problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_rules(text, "rules.yml")
    assert problem in "\n".join(map(str, refused.value.problems))


EXEMPTIONS = b"""\
verify: [{images: ["**"]}]
exemptions:
  - {images: [ghcr.io/acme/old], owner: "team:ops", reason: is replaced, expires: %s}
"""


def test_exemptions_are_read_with_the_rules_and_their_patterns() -> None:
    admission = read_admission(EXEMPTIONS % b"2027-03-31", "rules.yml")
    assert admission == Admission(
        (AdmissionRules(("**",), VerificationRules()),),
        (Exemption(("ghcr.io/acme/old",), "team:ops", "is replaced", date(2027, 3, 31)),),
    )


@pytest.mark.parametrize("day", [b"2027-02-30", b"soon", b'""'])
def test_an_exemption_ends_on_a_day(day: bytes) -> None:
    with pytest.raises(ConfigError) as raised:
        read_admission(EXEMPTIONS % day, "rules.yml")
    assert [problem.key for problem in raised.value.problems] == ["exemptions[0].expires"]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (
            b"verify:\n- signers:\n  - {key: keys/b.pub}\n  - key: keys/a.pub\n",
            "f.yml:4:10: verify[0].signers[1].key",
        ),
        (b"trust: {records: [keys/a.pub]}\n", "f.yml: signers"),
        (b"- [keys/a.pub, [key, keys/a.pub]]\n", "f.yml: signers"),
        (b"keys/a.pub", "f.yml: signers"),
        (b"key: [keys/a.pub", "f.yml: signers"),
        (b"", "f.yml: signers"),
    ],
)
def test_a_key_that_cannot_be_read_is_reported_where_it_is_named(content: bytes, place: str) -> None:
    assert str(unreadable(content, "f.yml", "keys/a.pub", "no")) == f"{place}: keys/a.pub cannot be read: no"
