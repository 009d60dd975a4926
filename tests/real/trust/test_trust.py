"""Our verification and cosign's say the same, about good signatures and about every kind of bad one."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.model import Reference
from pipeline.trust.keypair import generate
from tests.real import samples
from tests.real.conftest import checkout, commit
from tests.real.site import Done, Site
from tests.real.tools import binary, cosign, crane
from tests.tools import logins
from tests.tools.signing.bundles import new_pair

pytestmark = pytest.mark.real


def agree(site: Site, image: str, key: Path, scratch: Path, *, good: bool) -> str:
    """Verify with both programs; returns what ours printed on stderr."""
    ours = site.run("verify", image, "--key", key, expect=None)
    theirs = cosign("verify", "--key", str(key), image, root=scratch)
    assert (ours.code, theirs.returncode == 0) == ((0, True) if good else (7, False)), (
        ours.err + theirs.stderr
    )
    return ours.err


@pytest.fixture(scope="module")
def signed(site: Site, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image signed by the site's own key, by digest."""
    root = checkout(tmp_path_factory.mktemp("signed") / "project", __name__, samples.hello())
    result = site.run("sign", "--json", cwd=root).json["images"][0]
    reference = Reference.parse(result["reference"])
    return str(reference.by_digest)


def test_verdicts_of_both(site: Site, signed: str, tmp_path: Path) -> None:
    own = site.data / "keys" / "cosign.pub"
    agree(site, signed, own, tmp_path, good=True)

    stranger = tmp_path / "stranger.pub"
    stranger.write_bytes(new_pair().public)
    assert "not signed by" in agree(site, signed, stranger, tmp_path, good=False)

    repository = signed.partition("@")[0]
    config = json.loads(crane("config", signed)) if "index" not in crane("manifest", signed) else {}
    assert config == {}
    child = json.loads(crane("manifest", signed))["manifests"][0]["digest"]
    agree(site, f"{repository}@{child}", own, tmp_path, good=True)

    changed = crane("mutate", "--label", "a=b", f"{repository}@{child}", "--tag", f"{repository}:changed")
    unsigned = f"{repository}@{crane('digest', f'{repository}:changed')}"
    assert changed and "it has no signature" in agree(site, unsigned, own, tmp_path, good=False)


def test_what_cosign_signs_we_accept(site: Site, signed: str, tmp_path: Path) -> None:
    pair = generate()
    private, public = tmp_path / "k.key", tmp_path / "k.pub"
    private.write_bytes(pair.private)
    public.write_bytes(pair.public)
    agree(site, signed, public, tmp_path, good=False)
    (tmp_path / "signing.json").write_text(
        '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}'
    )
    (tmp_path / "root.json").write_text(
        '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'
    )
    options = ["--key", str(private), "--signing-config", str(tmp_path / "signing.json"), "--yes"]
    options += ["--trusted-root", str(tmp_path / "root.json"), "--allow-http-registry"]
    subprocess.run(
        [binary("cosign"), "sign", *options, signed],
        check=True,
        capture_output=True,
        env={
            **logins.variable(),
            "COSIGN_PASSWORD": pair.password,
            "HOME": str(tmp_path),
            "PATH": "/usr/bin:/bin",
        },
    )
    agree(site, signed, public, tmp_path, good=True)


def test_rules_say_what_was_checked_and_which_is_not_met(site: Site, signed: str, tmp_path: Path) -> None:
    """The same image under its own key, under a stranger's, under both, and under a rule that it cannot meet."""
    own, stranger = tmp_path / "own.pub", tmp_path / "stranger.pub"
    own.write_bytes((site.data / "keys" / "cosign.pub").read_bytes())
    stranger.write_bytes(new_pair().public)
    rules = tmp_path / "rules.yml"
    project = signed.split("/")[1]

    def verify(signers: str, more: str = "", *, expect: int) -> Done:
        text = f"verify:\n  - images: ['*/{project}/**']\n    signers: [{signers}]\n{more}"
        rules.write_text(text)
        return site.run("verify", "--rules", rules, signed, "--json", expect=expect)

    met = verify("{key: stranger.pub}, {key: own.pub}", "    attestations: [sbom, findings]\n", expect=0)
    (image,) = met.json
    assert [subject["subject"] for subject in image["subjects"]] == ["index", "linux/amd64"]
    assert all(subject["signed_by"] == ["own.pub"] for subject in image["subjects"])
    assert [check["rule"] for check in image["subjects"][1]["checks"]] == [
        "signers",
        "attestations.sbom",
        "attestations.findings",
    ]
    (image,) = verify("{key: stranger.pub}", expect=7).json
    assert {(c["rule"], c["passed"]) for s in image["subjects"] for c in s["checks"]} == {("signers", False)}
    verify("{key: own.pub}", "    provenance: {branches: [main], max_age: 1d}\n", expect=7)
    stderr = site.run("verify", "--rules", rules, signed, expect=7).err
    assert "does not meet" in stderr and "provenance" in stderr

    rules.write_text("verify: [{images: [ghcr.io/acme/*], signers: [{key: own.pub}]}]")
    assert "has no rules for" in site.run("verify", "--rules", rules, signed, expect=2).err


def test_signatures_in_the_tag_scheme_are_added_and_promoted(
    site: Site, project: Callable[..., Path], tmp_path: Path
) -> None:
    """A project that asks for them later gets them without a build; a run that finds them does nothing."""
    root = project(samples.hello())
    settings = root / "lockage.yml"
    site.run("run", "--to", "prod", cwd=root)
    settings.write_text(settings.read_text() + "sign: {signatures: [bundle, tag]}\n")
    commit(root)
    done = site.run("run", "--to", "prod", "--json", cwd=root).json
    assert not done["engine_used"]
    key = str(site.data / "keys" / "cosign.pub")
    for reference in (done["images"][0]["reference"], *done["images"][0]["promoted"]):
        assert (
            cosign("verify", "--new-bundle-format=false", "--key", key, reference, root=tmp_path).returncode
            == 0
        )
    again = site.run("run", "--to", "prod", "--json", cwd=root).json
    assert not any(image["written"] for image in again["images"])

    # After a rotation, images are signed again as they are: without a build, and without the old private key.
    new, old = new_pair(), site.data / "keys" / "cosign.pub"
    public = tmp_path / "new.pub"
    public.write_bytes(new.public)
    rotated = {
        "COSIGN_PRIVATE_KEY": new.private.decode(),
        "COSIGN_PUBLIC_KEY": new.public.decode(),
        "COSIGN_PASSWORD": new.password,
    }
    assert "there is no --re-sign" in site.run("sign", "--key", old, cwd=root, expect=2).err
    result = site.run("sign", "--re-sign", "--env", "prod", "--key", old, "--json", cwd=root, **rotated).json
    (image,) = result["images"]
    assert image["signed"] == image["places"][0]["attached"] > 5 and not image["problem"]
    reference = f"{image['places'][0]['repository']}@{image['digest']}"
    child = json.loads(crane("manifest", reference))["manifests"][0]["digest"]
    for subject in (reference, f"{image['places'][0]['repository']}@{child}"):
        for by in (public, old):
            for scheme in ("true", "false"):
                options = (f"--new-bundle-format={scheme}", "--key", str(by), subject)
                assert cosign("verify", *options, root=tmp_path).returncode == 0, options
        for kind in ("cyclonedx", "slsaprovenance1"):
            done_by_new = cosign(
                "verify-attestation", "--type", kind, "--key", str(public), subject, root=tmp_path
            )
            assert done_by_new.returncode == 0, done_by_new.stderr
    named = site.run("sign", "--re-sign", reference, "--key", old, cwd=root, **rotated)
    assert "up to date" in named.out and "0 statements signed, 0 attached" in named.err
