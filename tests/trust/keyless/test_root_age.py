"""How old a trusted root is, and what it no longer verifies."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.errors import ConfigError
from pipeline.trust.keyless.root import KINDS, root_age
from pipeline.trust.keyless.services import PUBLIC, Services, TrustFile, read_services, stored

PUBLIC_ROOT: dict[str, Any] = json.loads(stored(PUBLIC))
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def services(root: object) -> Services:
    return read_services(TrustFile(json.dumps(root).encode(), "root.json"))


def test_the_public_root_is_as_new_as_its_newest_entry() -> None:
    age = root_age(read_services(None))
    starts = {entry.start for entry in age.entries}
    assert age.newest.start == max(starts) and len(age.entries) == sum(
        len(PUBLIC_ROOT[part]) for part in KINDS
    )
    assert age.days(age.newest.start + timedelta(days=30, hours=1)) == 30
    assert age.warnings(age.newest.start + timedelta(days=1)) == ()


def test_its_publisher_vouches_for_the_public_one_until_a_day() -> None:
    age = root_age(read_services(None))
    assert age.until is not None and age.warnings(age.until) == ()
    (warning,) = age.warnings(age.until + timedelta(days=1))
    assert "cosign trusted-root create" in warning
    assert root_age(services(PUBLIC_ROOT)).until is None  # of any other file, nobody knows


@pytest.mark.parametrize(("part", "kind"), KINDS.items())
def test_a_kind_of_which_nothing_counts_any_more_is_reported(part: str, kind: str) -> None:
    withdrawn = json.loads(json.dumps(PUBLIC_ROOT))
    for entry in withdrawn[part]:
        entry.get("publicKey", entry)["validFor"]["end"] = "2025-12-31T00:00:00Z"
    age = root_age(services(withdrawn))
    assert age.warnings(NOW) == (f"no {kind} counts today",)
    data = age.to_json(NOW)
    assert data["warnings"] == [f"no {kind} counts today"] and data["origin"] == "root.json"


@pytest.mark.parametrize(
    "root",
    [
        {},
        [],
        {"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"},
        {**PUBLIC_ROOT, "tlogs": [{**PUBLIC_ROOT["tlogs"][0], "publicKey": 1}]},
    ],
)
def test_what_is_no_root_is_an_error_with_its_name(root: object) -> None:
    with pytest.raises(ConfigError) as refused:
        root_age(services(root))
    assert "root.json" in str(refused.value.detail)
