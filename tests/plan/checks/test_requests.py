"""Secrets, ssh and entitlements: named at any level, defined in lockage.yml, and checked where RUN asks for them."""

import json

import pytest

from pipeline.dockerfile.instructions import scan
from pipeline.dockerfile.mounts import credentials
from pipeline.plan import explain_target, make_plan
from pipeline.plan.cache.encoding import dump, load
from tests.catalogue.sample import LOCK, PROJECT, folder, image, plan, problems, source

DEFINED = PROJECT + "secrets: {npm: {env: NPM}, pip: {file: pip.conf}}\nssh: {default: {}}\n"
WHERE = "images/app/Dockerfile.tmpl:2:1: RUN:"


def app(run="RUN x", more=""):
    return folder("app", image(more=more, template=f"FROM debian:12\n{run}\n"))


def test_levels_add_up():
    yml = (
        "secrets: [pip]\nssh: [default]\n"
        "tags: [{name: 1.0.0, secrets: [npm, pip]}, 2.0.0]\nvariants: [{name: dev, secrets: [npm]}]\n"
    )
    found = plan({"app/image.yml": yml, "app/Dockerfile.tmpl": "FROM debian:12\n"}, DEFINED, lock=LOCK)
    assert {t.tag: (t.secrets, t.ssh) for t in found.targets} == {
        "1.0.0": (("npm", "pip"), ("default",)),
        "2.0.0": (("pip",), ("default",)),
        "1.0.0-dev": (("npm", "pip"), ("default",)),
        "2.0.0-dev": (("npm", "pip"), ("default",)),
    }
    rows = {e.key: str(e.location) for e in explain_target(found, "app/1.0.0-dev/linux-amd64")}
    assert rows["secrets.npm"] == "images/app/image.yml:4:34"
    assert rows["secrets.pip"] == "images/app/image.yml:3:37"
    assert rows["ssh.default"] == "images/app/image.yml:2:7"


def test_what_is_named_and_where_it_comes_from_is_in_no_key():
    plain = plan(app(), DEFINED, lock=LOCK).targets[0]
    named = plan(app(more="secrets: [npm]\nssh: [default]\n"), DEFINED, lock=LOCK).targets[0]
    moved = plan(app(), DEFINED.replace("NPM", "OTHER") + "entitlements: {app: [network.host]}\n", lock=LOCK)
    assert plain.key == named.key == moved.targets[0].key
    assert plain.secrets == ()


def test_an_id_that_nothing_defines():
    assert problems(app(more="secrets: [nmp]\nssh: [ci]\n"), DEFINED) == [
        "images/app/image.yml:2:11: secrets[0]: there is no secret nmp in lockage.yml (did you mean npm?)",
        "images/app/image.yml:3:7: ssh[0]: there is no ssh entry ci in lockage.yml (define it in ssh: of lockage.yml)",
    ]


MOUNTS = [
    ("RUN --mount=type=secret,id=npm x", [("secret", "npm", False)]),
    ("RUN --mount=type=secret,source=npm,required x", [("secret", "npm", True)]),
    ("RUN --mount=type=secret,src=npm,required=1 x", [("secret", "npm", True)]),
    ("RUN --mount=type=secret,target=/run/a/npm,required=true x", [("secret", "npm", True)]),
    ("RUN --mount=type=secret,dst=/a/npm,required=false x", [("secret", "npm", False)]),
    ("RUN --mount=TYPE=SECRET,id=npm,env=NPM x", [("secret", "npm", False)]),
    ('RUN --mount="type=secret,id=npm" x', [("secret", "npm", False)]),
    ("RUN --mount=type=se\\\ncret,id=npm x", [("secret", "npm", False)]),
    ("RUN --mount=type=secret,id=$X x", []),
    ("RUN --mount=type=ssh x", [("ssh", "default", False)]),
    ("RUN --mount=type=ssh,id=ci,required --mount=type=secret,id=a x", [("ssh", "ci", True), ("secret", "a", False)]),
    ("RUN --mount=type=cache,id=npm,target=/x y", []),
    ("RUN x --mount=type=secret,id=npm", []),
    ("RUN -- --mount=type=secret,id=npm", []),
]  # fmt: skip


@pytest.mark.parametrize(("run", "expected"), MOUNTS)
def test_what_run_mounts(run, expected):
    [instruction] = scan(run).instructions
    assert [(c.kind, c.id, c.required) for c in credentials(instruction)] == expected


def test_a_required_mount_that_image_yml_does_not_name_is_an_error():
    run = "RUN --mount=type=secret,id=npm,required --mount=type=ssh,required=true x"
    assert problems(app(run), DEFINED) == [
        f"{WHERE} mounts the secret npm, which image.yml does not name (app:1.0.0)"
        " (write secrets: [npm] in image.yml)",
        f"{WHERE} mounts the ssh entry default, which image.yml does not name (app:1.0.0)"
        " (write ssh: [default] in image.yml)",
    ]
    assert not plan(app(run, "secrets: [npm]\nssh: [default]\n"), DEFINED).targets[0].warnings


def test_another_mount_is_a_warning():
    [target] = plan(app("RUN --mount=type=secret,id=nmp x", "secrets: [npm]\n"), DEFINED).targets
    assert target.warnings == (
        f"{WHERE} mounts the secret nmp, which image.yml does not name (app:1.0.0) (did you mean npm?)",
    )


ENTITLED = [
    ("RUN --network=host x", "--network=host", "network.host"),
    ("RUN --mount=type=cache,target=/x --security=insecure y", "--security=insecure", "security.insecure"),
    ('RUN --net"work"=host x', "--network=host", "network.host"),
    ("RUN --net\\\nwork=host x", "--network=host", "network.host"),
]


@pytest.mark.parametrize(("run", "flag", "entitlement"), ENTITLED)
def test_entitlements(run, flag, entitlement):
    assert problems(app(run)) == [
        f"{WHERE} {flag} needs the entitlement {entitlement} (app:1.0.0)"
        f" (entitlements: {{app: [{entitlement}]}} in lockage.yml grants it)"
    ]
    granted = PROJECT + f"entitlements: {{app: [{entitlement}]}}\n"
    assert plan(app(run), granted).targets[0].entitlements == (entitlement,)
    with_other = app(run) | folder("other", image(template=f"FROM debian:12\n{run}\n"))
    assert len(problems(with_other, granted)) == 1


@pytest.mark.parametrize(
    "run", ["RUN --network=none x", "RUN --network=default --security=sandbox x", "RUN x --network=host"]
)
def test_what_needs_no_entitlement(run):
    assert plan(app(run)).targets[0].warnings == ()


def test_an_entitlement_of_an_image_that_is_not_there():
    assert problems(app(), PROJECT + "entitlements: {ap: [network.host]}\n") == [
        "lockage.yml:4:16: entitlements.ap: is no image of this catalogue (did you mean app?)"
    ]


def test_it_is_in_the_plan_and_read_back():
    project = DEFINED + "entitlements: {app: [network.host]}\n"
    files = source(app("RUN --network=host x", "secrets: [npm]\nssh: [default]\n"), project)
    made = make_plan(files)
    assert load(dump(made), files) == made
    [target] = json.loads(made.to_json())["targets"]
    assert (target["secrets"], target["ssh"], target["entitlements"]) == (
        ["npm"],
        ["default"],
        ["network.host"],
    )
    assert "NPM" not in made.to_json()


def test_stages_that_the_build_does_not_run_request_nothing():
    unused = "--network=host --mount=type=secret,id=npm,required=true true"
    text = f"FROM debian:12 AS t\nRUN {unused}\nFROM debian:12\n"
    assert plan(folder("app", image(template=text)), DEFINED, lock=LOCK).targets
    assert len(problems(folder("app", image(template=f"{text}COPY --from=t / /\n")), DEFINED)) == 2
