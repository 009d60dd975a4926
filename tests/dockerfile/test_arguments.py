"""`args:` of every level: merged, put into FROM, part of the key, and warned about where no ARG takes them."""

from pipeline.plan import explain_target, inputs_of, key_difference
from tests.catalogue.sample import LOCK, PROJECT, folder, image, plan, problems

TEMPLATE = "ARG BASE=debian:11\nARG ARCH\nFROM $BASE$ARCH\nARG A B=1\nRUN x\n"
FILES = folder(
    "app",
    {
        "image.yml": "args: {A: image, B: image, BASE: 'debian:12'}\n",
        "1/image.yml": """\
args: {A: version}
tags:
  - 1.0.0
  - {name: 1.1.0, args: {B: 1.10}}
variants:
  - {name: dev, args: {B: no, A: ''}}
""",
        "Dockerfile.tmpl": TEMPLATE,
    },
)


def found(files=FILES, project=PROJECT, **options):
    return {t.tag: t for t in plan(files, project, **options).targets}


def test_levels_merge_key_by_key_and_the_later_wins():
    made = found()
    base = {"BASE": "debian:12"}
    assert {tag: dict(t.arguments) for tag, t in made.items()} == {
        "1.0.0": base | {"A": "version", "B": "image"},
        "1.1.0": base | {"A": "version", "B": "1.10"},
        "1.0.0-dev": base | {"A": "", "B": "no"},
        "1.1.0-dev": base | {"A": "", "B": "no"},
    }
    assert {t.bases[0].name for t in made.values()} == {"debian:12"}
    assert not [w for t in made.values() for w in t.warnings]


def test_the_project_s_are_below_the_image_s_and_need_no_arg():
    made = found(project=PROJECT + "args: {A: project, C: project}\n")["1.1.0"]
    assert dict(made.arguments) == {"A": "version", "B": "1.10", "BASE": "debian:12", "C": "project"}
    assert list(made.arguments) == sorted(made.arguments)
    assert made.warnings == ()


def test_they_reach_every_use_of_the_dockerfile():
    target = found(lock=LOCK)["1.0.0"]
    assert target.final_base.name == "debian:12"
    assert target.dockerfile_on({"debian:12": "x@y"}) == TEMPLATE.replace("$BASE$ARCH", "x@y")
    assert found(snapshot_id="mr-1")["1.0.0"].dockerfile == TEMPLATE


def test_an_argument_leads_to_an_image_of_the_catalogue():
    files = folder("base", image("[2025.09]")) | folder(
        "app",
        image(more="args: {V: 2025.09}\n", template="ARG V\nFROM base:$V\nCOPY --from=base:2025.09 /a /b\n"),
    )
    assert plan(files).by_id["app/1.0.0/linux-amd64"].internal_bases == ("base/2025.09/linux-amd64",)
    moved = plan(files, snapshot_id="mr-1").by_id["app/1.0.0/linux-amd64"]
    assert moved.dockerfile == "ARG V\nFROM base:2025.09-mr-1\nCOPY --from=base:2025.09-mr-1 /a /b\n"
    wrong = files | {"app/image.yml": "tags: [1.0.0]\nargs: {V: 2025.9}\n"}
    assert problems(wrong)[0] == (
        "images/app/Dockerfile.tmpl:2:1: FROM: unknown base base:2025.9: the catalogue's base has no tag 2025.9"
        " (app:1.0.0) (did you mean base:2025.09?)"
    )


def test_a_name_that_no_arg_has_is_a_warning_at_its_place():
    yml = "args: {C: d, E: f}\ntags: [{name: 1.0.0, args: {VERSIN: 2, HTTP_PROXY: p, no_proxy: q}}]\n"
    files = folder(
        "app", {"image.yml": yml, "Dockerfile.tmpl": "FROM debian:12\nARG VERSION\nONBUILD ARG E\n"}
    )
    assert plan(files).targets[0].warnings == (
        "images/app/image.yml:1:11: args.C: no ARG of the Dockerfile has this name",
        "images/app/image.yml:2:37: tags[0].args.VERSIN: no ARG of the Dockerfile has this name"
        " (did you mean VERSION?)",
    )


def test_a_key_says_which_argument_moved():
    changed = {**FILES, "app/1/image.yml": FILES["app/1/image.yml"].replace("A: version", "A: other")}
    old, new = (plan(files, lock=LOCK) for files in (FILES, changed))
    inputs = [inputs_of(p, "app/1.0.0/linux-amd64") for p in (old, new)]
    assert key_difference(*inputs) == ["argument A is other, was version"]
    assert {t.tag for t in new.targets if t.key != old.by_id[t.id].key} == {"1.0.0", "1.1.0"}


def test_every_argument_has_its_place():
    made = plan(FILES, PROJECT + "args: {A: project, C: project}\n", lock=LOCK)
    rows = {e.key: e for e in explain_target(made, "app/1.1.0-dev/linux-amd64") if e.key.startswith("args.")}
    assert {key: (e.value, str(e.location)) for key, e in rows.items()} == {
        "args.A": ("", "images/app/1/image.yml:6:34"),
        "args.B": ("no", "images/app/1/image.yml:6:27"),
        "args.BASE": ("debian:12", "images/app/image.yml:1:34"),
        "args.C": ("project", "lockage.yml:4:23"),
    }
    assert [o.value for o in rows["args.A"].overrides] == ["version", "image", "project"]
