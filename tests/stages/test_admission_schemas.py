"""Written policies are valid by the schemas of the engines that read them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import jsonschema
import pytest
import yaml

from pipeline.model.verification import (
    AcceptedSigner,
    Admission,
    AdmissionRules,
    Exemption,
)
from pipeline.model.verification.identity import Identity, Pattern
from pipeline.policy.admission import WRITERS, policies_yaml
from tests.tools.judges import module
from tests.tools.signing.bundles import public

from .test_admission import RULES

pytestmark = pytest.mark.real


SCHEMAS = {
    "ImageValidatingPolicy": (
        ("github.com/kyverno/kyverno", "kyverno"),
        "config/crds/policies.kyverno.io/policies.kyverno.io_imagevalidatingpolicies.yaml",
    ),
    "ClusterPolicy": (
        ("github.com/kyverno/kyverno", "kyverno"),
        "config/crds/kyverno/kyverno.io_clusterpolicies.yaml",
    ),
    "ClusterImagePolicy": (
        ("github.com/sigstore/policy-controller", "policy-controller"),
        "config/300-clusterimagepolicy.yaml",
    ),
}


def closed(schema: Any) -> Any:
    """The schema with unknown fields refused, which an API server drops."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    if "properties" in schema and not {"additionalProperties", "x-kubernetes-preserve-unknown-fields"} & set(
        schema
    ):
        inner["additionalProperties"] = False
    return inner


@pytest.mark.parametrize("kind", SCHEMAS)
def test_policies_are_what_the_engines_define(kind: str) -> None:
    source, path = SCHEMAS[kind]
    definition = yaml.load((module(*source) / path).read_bytes(), Loader=yaml.CSafeLoader)
    signers = (
        *RULES.signers,
        AcceptedSigner(None, Identity(Pattern("^https://ci/.*$", regexp=True), Pattern("https://issuer"))),
    )
    rules = Admission(
        (AdmissionRules(("r.example/a/*", "docker.io/library/debian"), replace(RULES, signers=signers)),),
        (Exemption(("r.example/a/old",), "ops", "is replaced", date(2027, 1, 1)),),
    )
    policies = WRITERS[kind](rules, {"release.pub": public().decode()}, date(2026, 1, 1), "lockage")
    (document,) = yaml.safe_load_all(policies_yaml(policies, "lockage", "rules.yml"))
    version = document["apiVersion"].partition("/")[2]
    served = {each["name"]: each["schema"]["openAPIV3Schema"] for each in definition["spec"]["versions"]}
    schema = closed(served[version]["properties"]["spec"])
    jsonschema.validate(document["spec"], schema)
    with pytest.raises(jsonschema.ValidationError, match="unknown"):
        jsonschema.validate({**document["spec"], "unknown": 1}, schema)
