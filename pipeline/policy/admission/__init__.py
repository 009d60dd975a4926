"""Admission policies for clusters, from the rules that `lockage verify --rules` reads: pure writers, one an engine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Protocol

from pipeline.model.verification import Admission

from .cluster_policy import cluster_policies
from .config_map import config_map
from .exemptions import expired
from .kyverno import image_validating_policies
from .manifests import Policies, Policy, policies_yaml
from .policy_controller import cluster_image_policies


class Writer(Protocol):
    """Writes rules for one engine. `keys` are PEM texts by the files that the signers name; every entry has signers.

    Raises UsageError for what the engine would take for less than the rules.
    """

    def __call__(self, admission: Admission, keys: Mapping[str, str], today: date, name: str) -> Policies:
        """The policies, named after `name`."""


WRITERS: Mapping[str, Writer] = {
    "ImageValidatingPolicy": image_validating_policies,
    "ClusterPolicy": cluster_policies,
    "ClusterImagePolicy": cluster_image_policies,
    "ConfigMap": config_map,
}
"""By the kind of resource that is written."""

__all__ = ["WRITERS", "Policies", "Policy", "Writer", "expired", "policies_yaml"]
