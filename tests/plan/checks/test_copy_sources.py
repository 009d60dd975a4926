"""What a plan cannot hold fast: addresses that ADD fetches, and what ONBUILD leaves to other builds."""

import pytest

from pipeline.plan.checks.copy_sources import moving_sources
from tests.catalogue.sample import LOCK, folder, image, plan, problems

COMMIT = "0123456789" * 4
WHERE = "images/app/Dockerfile.tmpl:2:1:"
GIT, HTTP = "name a whole commit: #COMMIT or ?checksum=COMMIT", "ADD --checksum=sha256:… says what it must be"

ADDS = [
    ("ADD https://e.org/a.tgz /", [HTTP]),
    ("ADD https://e.org/a.tgz http://e.org/b /", [HTTP, HTTP]),
    ('ADD ["https://e.org/a b.tgz", "/"]', [HTTP]),
    ("ADD https://e.org/$V.tgz /", [HTTP]),
    ("ADD --checksum=sha256:00 https://e.org/a.tgz /", []),
    ("ADD --checksum=$SUM https://e.org/a.tgz /", []),
    ("ADD --unpack=true --chmod=u+x https://e.org/a.tgz /", [HTTP]),
    ("ADD https://e.org/a.git /", [GIT]),
    ("ADD https://e.org/a.git#v1 /", [GIT]),
    ("ADD git@e.org:a/b.git /", [GIT]),
    (f"ADD https://e.org/a.git#{COMMIT} /", []),
    (f"ADD https://e.org/a.git#{COMMIT}:docs /", []),
    (f"ADD --checksum={COMMIT} https://e.org/a.git#v1 /", []),
    (f"ADD https://e.org/a.git?tag=v1&checksum={COMMIT} /", []),
    ("ADD --checksum=$COMMIT https://e.org/a.git#v1 /", []),
    ("ADD https://e.org/a.git#$COMMIT /", []),
    ("ADD --checksum=0123456 https://e.org/a.git#v1 /", [GIT]),
    ("ADD http://[ /", [HTTP]),
    ("ADD https://[x].git /", [HTTP]),
    ("ADD rootfs/a.tgz /", []),
    ("ADD " + "[" * 100_000 + " /", []),
    ("COPY rootfs/a /", []),
]


@pytest.mark.parametrize(("add", "remedies"), ADDS)
def test_what_add_fetches(add, remedies):
    assert [remedy for _, _, remedy in moving_sources(f"FROM a\n{add}\n")] == remedies


def app(line):
    return folder("base", image()) | folder("app", image(template=f"FROM debian:12\n{line}\n"))


def warnings(line):
    return plan(app(line)).by_id["app/1.0.0/linux-amd64"].warnings


def test_an_add_that_can_change_is_a_warning_at_its_line():
    assert warnings("ADD https://e.org/a.tgz /") == (
        f"{WHERE} ADD: https://e.org/a.tgz: the key cannot see it change ({HTTP})",
    )


UNPINNED = "no lock pins debian:12 in builds that are based on this image (write debian:12@sha256:…)"
ONBUILDS = [
    ("ONBUILD COPY --from=debian:12 /a /b", [UNPINNED]),
    ("onbuild run --mount=from=debian:12,target=/m true", [UNPINNED]),
    (f"ONBUILD COPY --from=debian:12@sha256:{'0' * 64} /a /b", []),
    (
        "ONBUILD COPY --from=builder /a /b",
        [
            "builder must be a stage of every image that is based on this one (an image is written with its tag)"
        ],
    ),
    ("ONBUILD COPY --from=0 /a /b", []),
    ("ONBUILD COPY rootfs/x /b", []),
    ("ONBUILD RUN --mount=type=cache,target=/x y --mount=from=nowhere:1", []),
    ("ONBUILD ENV A=--from=x:1", []),
]


@pytest.mark.parametrize(("line", "messages"), ONBUILDS)
def test_what_onbuild_names(line, messages):
    assert warnings(line) == tuple(f"{WHERE} ONBUILD: {message}" for message in messages)


def test_what_another_stage_of_the_same_file_triggers_is_pinned_like_everything():
    template = "FROM debian:12 AS one\nONBUILD COPY --from=ghcr.io/acme/tools:1 /a /b\nFROM one\n"
    target = plan(folder("app", image(template=template)), lock=LOCK).targets[0]
    assert [b.name for b in target.bases] == ["debian:12", "ghcr.io/acme/tools:1"]
    assert target.warnings == ()
    assert target.dockerfile_on({"ghcr.io/acme/tools:1": "x@y"}) == template.replace(
        "ghcr.io/acme/tools:1", "x@y"
    )


def test_an_image_in_onbuild_that_no_build_should_have():
    assert problems(app("ONBUILD COPY --from=quay.io/other/tool:3 /a /b")) == [
        f"{WHERE} ONBUILD: unknown base quay.io/other/tool:3 (app:1.0.0)"
        " (add quay.io/other/tool:3 to bases: in lockage.yml)"
    ]
    assert problems(app("ONBUILD RUN --mount=from=base:1.0.0,target=/m true")) == [
        f"{WHERE} ONBUILD: base:1.0.0 is made here, and a build that is based on this image would look for it on"
        " Docker Hub (app:1.0.0) (write out where it is published)"
    ]


def test_stages_that_the_build_does_not_run_need_no_files():
    text = "FROM debian:12 AS t\nCOPY absent /\nFROM debian:12\n"
    assert plan(folder("app", image(template=text)), lock=LOCK).targets
    [problem] = problems(folder("app", image(template=f"{text}COPY --from=t / /\n")))
    assert problem.startswith("images/app/Dockerfile.tmpl:2:1: COPY: absent is not in the build context")


def test_quotes_may_be_anywhere_in_a_source():
    text = 'FROM debian:12\nCOPY rootfs/"f" /\nCOPY r\'oot\'fs/f /\nCOPY "rootfs/g" /\n'
    [problem] = problems(folder("app", image(template=text) | {"rootfs/f": ""}))
    assert problem.startswith("images/app/Dockerfile.tmpl:4:1: COPY: rootfs/g is not")


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("COPY --frm=x a b", "COPY: unknown flag --frm (did you mean --from?)"),
        (
            "RUN --network=hst --mount=type=secret,id=s true",
            "RUN: --network=hst is none of default, none, host",
        ),
    ],
)
def test_what_buildkit_refuses_is_one_problem(line, key):
    assert problems(app(line)) == [f"{WHERE} {key} (app:1.0.0)"]
