"""Git events become tags in one place: the tables of the conventions in use, and what must hold for any event."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import TagTemplate, valid_tag
from pipeline.policy import Revision, commit_tags, event_tags, lookup_tags, release_tags

SHA = "a1b2c3d456789abcdef0123456789abcdef01234"

# One image tag to a repository, as projects with one image have it.
BY_BRANCH = tuple(map(TagTemplate.parse, ("{branch}-{short}", "pr-{pr}")))
BY_CI = tuple(map(TagTemplate.parse, ("ci-{sha}", "ci-{branch}-{sha}", "ci-passed-{sha}")))
BY_COMMIT = (TagTemplate.parse("sha-{sha}"),)


@pytest.mark.parametrize(
    ("revision", "tag", "expected"),
    [
        (Revision(SHA), "3.11", f"ci-{SHA}-3.11"),
        (Revision(SHA, dirty=True), "3.11-dev", f"ci-{SHA}-dirty-3.11-dev"),
        (Revision(), "1.0", "ci-local-1.0"),
    ],
)
def test_the_default_tells_the_tags_of_an_image_apart(revision: Revision, tag: str, expected: str) -> None:
    assert commit_tags(revision, tag) == (expected,)


@pytest.mark.parametrize(
    ("templates", "event", "published", "expected"),
    [
        (BY_BRANCH, {"branch": "main"}, (), ("main-a1b2c3d",)),
        (BY_BRANCH, {"branch": "release/v0.1"}, (), ("v0.1-a1b2c3d",)),
        (BY_BRANCH, {"release": "v0.1.0"}, (), ("v0.1.0", "v0.1", "v0", "latest")),
        (BY_BRANCH, {"release": "v0.1.0-beta.1"}, (), ("v0.1.0-beta.1",)),
        (BY_BRANCH, {"release": "v0.1.0-rc.1"}, (), ("v0.1.0-rc.1",)),
        (BY_BRANCH, {"pull_request": "456"}, (), ("pr-456",)),
        (BY_BRANCH, {"release": "v0.2.0"}, ("v0.1.0",), ("v0.2.0", "v0.2", "v0", "latest")),
        (BY_BRANCH, {"release": "v0.1.1"}, ("v0.1.0", "v0.2.0"), ("v0.1.1", "v0.1")),  # a hotfix
        (BY_BRANCH, {"release": "v0.1.1"}, ("v0.1.0",), ("v0.1.1", "v0.1", "v0", "latest")),
        (BY_BRANCH, {"release": "v1.0.0"}, ("v0.9.0", "v1.0.0-rc.1"), ("v1.0.0", "v1.0", "v1", "latest")),
        (BY_BRANCH, {"release": "nightly"}, (), ()),
        (BY_CI, {"branch": "main"}, (), (f"ci-{SHA}", f"ci-main-{SHA}", f"ci-passed-{SHA}")),
        (BY_CI, {"branch": "feature/a b"}, (), (f"ci-{SHA}", f"ci-feature-a-b-{SHA}", f"ci-passed-{SHA}")),
        (BY_CI, {"pull_request": "7"}, (), (f"ci-{SHA}", f"ci-passed-{SHA}")),
        (
            BY_CI,
            {"release": "v2.3.0"},
            ("v2.2.9", "v3.0.0"),
            ("v2.3.0", "v2.3", "v2", f"ci-{SHA}", f"ci-passed-{SHA}"),
        ),
        (BY_COMMIT, {"branch": "main"}, (), (f"sha-{SHA}",)),
    ],
)
def test_the_tables(
    templates: tuple[TagTemplate, ...],
    event: dict[str, str],
    published: tuple[str, ...],
    expected: tuple[str, ...],
) -> None:
    assert event_tags(Revision(SHA, **event), "1.0", templates, published) == expected


PASSED_ON_MAIN = (TagTemplate.parse("ci-{sha}"), TagTemplate.parse("ci-passed-{sha}", ("main", "release/*")))


@pytest.mark.parametrize(
    ("event", "tested", "passed"),
    [
        ({"branch": "main"}, True, True),
        ({"branch": "release/v0.1"}, True, True),
        ({"branch": "feature"}, True, False),
        ({"branch": "main"}, False, False),
        ({"pull_request": "7"}, True, False),
        ({"release": "v1.0.0"}, True, False),
        ({}, True, False),
    ],
)
def test_passed_is_for_tested_images_of_named_branches(
    event: dict[str, str], tested: bool, passed: bool
) -> None:
    found = commit_tags(Revision(SHA, **event), "1.0", PASSED_ON_MAIN, tested=tested)
    assert found == (f"ci-{SHA}", f"ci-passed-{SHA}")[: 1 + passed]
    assert f"ci-passed-{SHA}" not in commit_tags(Revision(SHA, branch="main"), "1.0", BY_CI, tested=False)
    assert lookup_tags(Revision(SHA), "1.0", PASSED_ON_MAIN) == (f"ci-passed-{SHA}", f"ci-{SHA}")


def test_what_passed_is_looked_for_first() -> None:
    assert lookup_tags(Revision(SHA, branch="main"), "1.0", BY_CI) == (f"ci-passed-{SHA}", f"ci-{SHA}")
    assert lookup_tags(Revision(SHA), "1.0", BY_BRANCH) == ()


@pytest.mark.parametrize("text", ["2.3", "v2", "v01.2.3", "v1.2.3+build", "1.2.3-", "1.2.3-01", "latest", ""])
def test_a_release_is_a_version(text: str) -> None:
    with pytest.raises(ValueError):
        release_tags(text)


def test_rolling_tags_end_the_same_in_any_order_of_releases() -> None:
    """Whatever order patches come out in, each rolling tag ends at the highest that it may name."""
    versions = ("v1.0.0", "v1.0.1", "v1.1.0", "v2.0.0-rc.1", "v0.9.9")
    ends = set()
    for order in permutations(versions):
        state: dict[str, str] = {}
        for version in order:
            for name in release_tags(version, state):
                state[name] = version
        ends.add(tuple(sorted(state.items())))
    assert len(ends) == 1
    found = dict(ends.pop())
    assert found["latest"] == found["v1"] == found["v1.1"] == "v1.1.0"
    assert (found["v1.0"], found["v0"], found["v2.0.0-rc.1"]) == ("v1.0.1", "v0.9.9", "v2.0.0-rc.1")
    assert "v2" not in found


@given(
    st.booleans(),
    st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z"),
    st.text(min_size=1, max_size=300).filter(lambda s: not s.isspace()),
)
def test_every_tag_is_one_that_registries_take(dirty: bool, tag: str, branch: str) -> None:
    templates = (*BY_CI, *BY_BRANCH, *map(TagTemplate.parse, ("{branch}-{tag}-{sha}", "{branch}.{pr}")))
    for event in ({"branch": branch}, {"pull_request": "12"}):
        for found in commit_tags(Revision(SHA, dirty, **event), tag, templates):
            assert valid_tag(found), found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v",
        "1.2",
        "v1",
        "vv1.2.3",
        "V1.2.3",
        "1.2.3+b",
        "1.2.3-rc.1+b",
        "1.2.3\n",
        "1.2.٣",
        "01.2.3",
        "1.2.3-01",
        "1.2.3-",
        "1.2.3.4",
        "9" * 5000 + ".0.0",
    ],
)
def test_what_is_no_version_is_no_release(text: str) -> None:
    with pytest.raises(ValueError, match="is not a version"):
        release_tags(text)
    assert release_tags("1.0.0", [text]) == ("1.0.0", "1.0", "1", "latest")


def test_long_tags_stay_apart() -> None:
    one, two = (commit_tags(Revision(SHA), "x" * 127 + end)[0] for end in "ab")
    assert one != two and len(one) == 128


@pytest.mark.parametrize("sha", ["main", SHA[:12], SHA.upper(), SHA + "\n"])
def test_a_revision_is_a_whole_commit_id(sha: str) -> None:
    with pytest.raises(ValueError):
        Revision(sha)


@pytest.mark.parametrize("text", ["latest", "{tag}", "{commit}", "{sha}:{tag}", "-{sha}", "{sha}" * 3 + "/x"])
def test_a_template_must_make_a_tag_of_a_commit(text: str) -> None:
    with pytest.raises(ValueError):
        TagTemplate.parse(text)
