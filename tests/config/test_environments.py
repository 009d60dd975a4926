"""Environments of lockage.yml: promotion between them, their secondary registries, approvals."""

import pytest

from pipeline.config import (
    Project,
    ProjectFile,
)

from .test_models import MINIMAL, project, refused


def test_nothing_is_promoted_to_the_first_environment():
    text = MINIMAL + "environments: [{name: a, repository: 'a/{image}', promote: automatic}]\n"
    assert "a is the first environment, which gets every push" in refused(ProjectFile, text)[0]


def test_two_environments_need_two_names():
    text = (
        MINIMAL + "environments: [{name: a, repository: 'a/{image}'}, {name: a, repository: 'b/{image}'}]\n"
    )
    assert "same name" in refused(ProjectFile, text)[0]


ENVIRONMENTS = """\
environments:
- {name: a, repository: 'a/{image}'}
- {name: b, repository: '{image}', registry: x.io/acme}
"""


def test_secondaries_are_environments_of_their_own():
    two = "[{registry: y.io/n}, {registry: z.io, environments: [b], retention: no}]"
    found = project(f"{ENVIRONMENTS}registries: {{secondaries: {two}}}\n")
    assert found == Project.from_json(found.to_json())
    assert [(e.name, str(found.repository(e, "i", embedded=""))) for e in found.places[2:]] == [
        ("a@y.io/n", "y.io/n/a/i"),
        ("b@z.io", "z.io/i"),
    ]
    assert {e.base for e in found.places} == {"a", "b"}
    assert [secondary.retention for secondary in found.secondaries] == [True, False]


@pytest.mark.parametrize(
    ("secondaries", "expected"),
    [
        ("[{registry: x.io, environments: [c]}]", "registries: names the environment c, and there are a, b"),
        (
            "[{registry: x.io/acme, environments: [b]}]",
            "b at x.io/acme would be where b is: x.io/acme/{image}",
        ),
        ("[{registry: y.io}, {registry: y.io}]", "a at y.io would be where a at y.io is"),
        ("[{registry: 'y.io/UPPER'}]", "not a repository path"),
    ],
)
def test_secondaries_have_places_of_their_own(secondaries, expected):
    text = MINIMAL + ENVIRONMENTS + f"registries: {{secondaries: {secondaries}}}\n"
    assert expected in refused(ProjectFile, text)[0]


APPROVALS = (
    MINIMAL + "environments:\n- {name: a, repository: 'a/{image}'}\n"
    "- name: b\n  repository: 'b/{image}'\n  approvals: {required: 2, from: [{key: k.pub}]}\n"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (APPROVALS, "f.yml:7:14: environments[1].approvals: 2 have to approve, and from: names 1"),
        (
            APPROVALS.replace("required: 2", "required: 1") + "  promote: automatic\n",
            "f.yml:5:3: environments[1]: promote: automatic leaves nobody the time",
        ),
        (
            MINIMAL + "environments:\n- name: a\n  repository: 'a/{image}'\n  registry: docker.io/acme\n",
            "f.yml:6:13: environments[0].registry: a is the first environment",
        ),
        (
            MINIMAL + "release:\n  to:\n  - prod\n  - hub\n",
            "f.yml:6:5: release.to[1]: release: to: names hub",
        ),
        (
            MINIMAL + "retention:\n  environments:\n    hub: {}\n",
            "f.yml:5:10: retention.environments.hub: retention: names the environment hub",
        ),
    ],
)
def test_mistakes_are_reported_where_they_are(text, expected):
    assert refused(ProjectFile, text)[0].startswith(expected)
