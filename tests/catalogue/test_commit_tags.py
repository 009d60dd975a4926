"""Tags made from a commit tell the tags of one image apart, or the plan is refused."""

from __future__ import annotations

import pytest

from pipeline.catalogue import Source
from pipeline.errors import ConfigError
from pipeline.plan import make_plan

_PROJECT = """\
version: 1
project: p
commit_tags:
  - ci-{sha}-{tag}
  - "{branch}-{short}"
"""


def _source(tags: str) -> Source:
    return Source.of(
        {
            "lockage.yml": _PROJECT,
            "images/a/image.yml": f"tags: [{tags}]",
            "images/a/Dockerfile.tmpl": "FROM scratch\n",
        }
    )


def test_one_tag_needs_no_name_of_its_own() -> None:
    plan = make_plan(_source("1.0.0"))
    assert [str(t) for t in plan.project.commit_tags] == ["ci-{sha}-{tag}", "{branch}-{short}"]


def test_two_tags_in_one_repository_would_overwrite_each_other() -> None:
    with pytest.raises(ConfigError) as caught:
        make_plan(_source("1.0.0, 2.0.0"))
    (problem,) = caught.value.problems
    assert str(problem) == (
        "lockage.yml:5:5: commit_tags[1]: a:1.0.0 and a:2.0.0 would get the same tag"
        " (write {branch}-{short}-{tag})"
    )
