"""Retention: what is deleted from a repository, and why. Pure: facts in, a decision with reasons out."""

from .actions import Action, RepositoryPlan, RetentionPlan, digest_of_tags
from .builds import BuildsFacts, judge_builds
from .decision import Decision, decide, still_unneeded
from .facts import Node, RepositoryFacts, TagVerdict
from .graph import Marks, mark, untagged_roots
from .tags import DAY, TagFacts, dated, judge_tags

__all__ = [
    "DAY",
    "Action",
    "BuildsFacts",
    "Decision",
    "Marks",
    "Node",
    "RepositoryFacts",
    "RepositoryPlan",
    "RetentionPlan",
    "TagFacts",
    "TagVerdict",
    "dated",
    "decide",
    "digest_of_tags",
    "judge_builds",
    "judge_tags",
    "mark",
    "still_unneeded",
    "untagged_roots",
]
