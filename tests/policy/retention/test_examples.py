"""The examples of docs/retention.md do what the tables of real projects say."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.config import ProjectFile, load, validate_document
from pipeline.model import Digest
from pipeline.policy.retention import DAY, TagFacts, judge_tags

TEXT = (Path(__file__).parents[3] / "docs" / "retention.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(# lockage.yml(?:: ([^\n]*))?\n.*?)```", TEXT, re.DOTALL)
NOW = 1_000 * DAY


def rules(name):
    [text] = [text for text, title in BLOCKS if title == name]
    found, problems = validate_document(ProjectFile, load(text, "lockage.yml"))
    assert found and not problems
    return found.value().retention.environments


def kept(rules, ages, closed=None):
    tags = {tag: Digest.of(tag.encode()) for tag in ages}
    dates = {tag: NOW - age * DAY for tag, age in ages.items()}
    return {v.tag for v in judge_tags(TagFacts(tags, NOW, dates, closed), rules) if v.keep}


def test_every_example_is_valid():
    assert len(BLOCKS) == 4
    for text, _ in BLOCKS:
        found, problems = validate_document(ProjectFile, load(text, "lockage.yml"))
        assert found and not problems


def test_ci_images_for_a_week_and_the_last_ten_releases():
    """CI tags: 7 days. Full versions: the last 10. Rolling tags: permanent."""
    environments = rules("ci and releases")
    sha = "a" * 40
    ci = {f"ci-{sha}": 6, f"ci-main-{sha}": 8, f"ci-passed-{sha}": 8, "ci-passed-b": 1}
    assert kept(environments["dev"].rules, ci) == {f"ci-{sha}", "ci-passed-b"}
    releases = {f"v2.{minor}.0": 700 - minor for minor in range(12)}
    rolling = dict.fromkeys(["v2", "v2.0", "v2.11", "latest"], 900)
    stays = kept(environments["prod"].rules, releases | rolling)
    assert stays == {f"v2.{minor}.0" for minor in range(2, 12)} | rolling.keys()


def test_branches_prereleases_and_pull_requests():
    """main: 30 days. Release branches, prereleases: 90. Pull requests: until closed. Releases, latest: forever."""
    stays = kept(
        rules("branches, prereleases, pull requests")["dev"].rules,
        {
            "main-abc1234": 29,
            "main-def5678": 31,
            "v0.1-abc1234": 89,
            "v0.1-def5678": 91,
            "v0.1.0-beta.1": 89,
            "v0.1.0-rc.1": 91,
            "v0.1.0": 900,
            "v0.1": 900,
            "v0": 900,
            "latest": 900,
            "pr-456": 1,
            "pr-457": 400,
        },
        closed=frozenset({456}),
    )
    assert stays == {
        "main-abc1234", "v0.1-abc1234", "v0.1.0-beta.1", "v0.1.0", "v0.1", "v0", "latest", "pr-457",
    }  # fmt: skip


def test_channels():
    """Dev and nightly: the last 15 of each. Prod: longer. Untagged: pruned."""
    dev = rules("channels")["dev"]
    assert dev.untagged == 1
    ages = {f"{channel}-{n:02}": n for channel in ("dev", "nightly", "prod") for n in range(1, 21)}
    stays = kept(dev.rules, ages | dict.fromkeys(["dev", "nightly", "prod", "v1.2.3"], 500))
    assert stays == {tag for tag in ages if tag.startswith("prod") or int(tag[-2:]) <= 15} | {
        "dev", "nightly", "prod", "v1.2.3",
    }  # fmt: skip
