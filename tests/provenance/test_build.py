"""Provenance of builds: what it names, what it is read back as, and what of it is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import Digest
from pipeline.policy import Revision
from pipeline.provenance import LOCAL, Origin, Recipe, build_predicate
from pipeline.util.json.canonical import compact

from .builds import BUILDKIT, COMMIT, DEBIAN, build

PREDICATE = build_predicate(build())
Edit = Callable[[dict[str, Any]], object]


def test_equal_builds_are_equal_bytes() -> None:
    assert compact(build_predicate(build())) == compact(PREDICATE)
    assert json.loads(compact(PREDICATE)) == PREDICATE, "data that was never text differs"


def test_it_is_read_back_as_what_was_built() -> None:
    made = build()
    recipe = Recipe.of(PREDICATE)
    assert (recipe.target, recipe.platform) == (made.target.id, made.target.platform)
    assert (recipe.repository, recipe.path) == ("https://git.example/acme/images.git", "containers")
    assert (recipe.commit, recipe.modified, recipe.rebuildable) == (COMMIT, False, True)
    assert (recipe.key, recipe.epoch, recipe.created) == (made.target.key, made.epoch, 1_800_000_000)
    assert recipe.lock.images == {DEBIAN: Digest.of(b"debian"), BUILDKIT: Digest.of(b"buildkit")}
    assert recipe.bases == {id: reference.digest for id, reference in made.bases.items()}
    assert {role for role, _ in recipe.contents} == {"dockerfile", "rootfs"}


def test_secrets_are_named_and_the_branch_is_a_ref() -> None:
    external = build_predicate(build("private"))["buildDefinition"]["externalParameters"]
    assert external["secrets"] == ["npm"]
    assert external["source"]["ref"] == "refs/heads/main"


@pytest.mark.parametrize(
    "image, revision, enough",
    [
        ("app", Revision(COMMIT), True),
        ("app", Revision(COMMIT, dirty=True), False),
        ("app", Revision(), False),
        ("private", Revision(COMMIT), False),
        ("fetched", Revision(COMMIT), False),
    ],
)
def test_what_is_enough_to_build_it_again(image: str, revision: Revision, enough: bool) -> None:
    made = Recipe.of(build_predicate(build(image, revision=revision)))
    assert made.rebuildable == enough
    assert made.modified == revision.dirty


def test_what_is_not_known_is_left_out() -> None:
    predicate = build_predicate(build(origin=Origin(), revision=Revision()))
    assert predicate["runDetails"]["builder"]["id"] == LOCAL
    assert "invocationId" not in predicate["runDetails"]["metadata"]
    assert "source" not in predicate["buildDefinition"]["externalParameters"]
    assert "" not in _leaves(predicate) and None not in _leaves(predicate)


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in _leaves(each)]
    return [leaf for each in value for leaf in _leaves(each)] if isinstance(value, list) else [value]


def _dependency(**fields: object) -> Edit:
    return lambda p: p["buildDefinition"]["resolvedDependencies"].append(fields)


@pytest.mark.parametrize(
    "edit, message",
    [
        (lambda p: p.pop("runDetails"), "'runDetails' is missing"),
        (lambda p: p["buildDefinition"].update(buildType="https://other.example/v1"), "its build type is"),
        (lambda p: p["buildDefinition"].update(resolvedDependencies={}), "a list is expected"),
        (lambda p: p["buildDefinition"].update(resolvedDependencies=[{}] * 4097), "4097 dependencies"),
        (lambda p: p["buildDefinition"]["externalParameters"].update(target=1), "a text is expected"),
        (lambda p: p["buildDefinition"]["externalParameters"].update(target="x" * 3000), "3000 characters"),
        (lambda p: p["buildDefinition"]["externalParameters"].update(platform="no platform"), "platform"),
        (lambda p: p["buildDefinition"]["internalParameters"].update(sourceDateEpoch="1900-01-01"), "1970"),
        (lambda p: p["buildDefinition"]["internalParameters"].update(sourceDateEpoch="soon"), "isoformat"),
        (_dependency(name="x", digest={"md5": "00"}, annotations={"role": "internal-base"}), "no SHA-256"),
        (
            _dependency(name="x", digest={"sha256": "00"}, annotations={"role": "internal-base"}),
            "not a digest",
        ),
        (
            _dependency(name="x", digest={"sha256": "0" * 64}, annotations={"reference": str(DEBIAN)}),
            "has two digests",
        ),
        (
            _dependency(name="x", digest={"sha256": "0" * 64}, annotations={"reference": "debian"}),
            "is not a tag",
        ),
    ],
)
def test_what_cannot_be_built_from_is_refused(edit: Edit, message: str) -> None:
    predicate = copy.deepcopy(PREDICATE)
    edit(predicate)
    with pytest.raises(ValueError, match=message):
        Recipe.of(predicate)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    for key in value if isinstance(value, dict) else range(len(value)):
        found.append((value, key))
        if isinstance(value[key], dict | list):
            found += _places(value[key])
    return found


@given(number=st.integers(0, 10_000), value=JSON)
def test_any_other_json_is_a_recipe_or_a_value_error(number: int, value: Any) -> None:
    predicate = copy.deepcopy(PREDICATE)
    places = _places(predicate)
    container, key = places[number % len(places)]
    container[key] = value
    try:
        recipe = Recipe.of(predicate)
    except ValueError:
        return
    assert isinstance(recipe.target, str) and isinstance(recipe.epoch, int)
