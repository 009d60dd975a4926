"""Artifacts and files are signed and attested as images are: cosign's answers beside ours, and forged twins."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from pipeline.model import Digest, Reference
from pipeline.provenance import ARCHIVE_TYPE
from pipeline.registry import Registry
from pipeline.release.signed_files import (
    ensure_file_attested,
    ensure_file_signed,
    provenance_path,
    signature_path,
)
from pipeline.run.signing.signer import with_key
from pipeline.trust import CYCLONEDX, PROVENANCE, SIGNATURE, Statement
from pipeline.trust.claims import ATTESTED, Claims
from tests.tools import warm
from tests.tools.git import commit
from tests.tools.programs import program
from tests.tools.signing.bundles import KEY, OTHER_KEY, PASSWORD, pair, public, signed

pytestmark = pytest.mark.real

CLAIMS = Claims("app", "dev/app", "1.2.3", ("1.2.3",), "linux/amd64", "local", "k")
RULES = {
    "signers": [{"key": "release.pub"}],
    "provenance": {"build_types": ["https://lockage.org/build/artifact/*"], "branches": ["main", "master"]},
}


class Site:
    """A checkout with files to push, both halves of a key, and both programs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, key in {"release": KEY, "stranger": OTHER_KEY}.items():
            (folder / f"{name}.pub").write_bytes(public(key))
        (folder / "channels.json").write_text("{}")
        (folder / "install.sh").write_text("echo hello\n")
        commit(folder)
        self.environ = {name: text for name, text in os.environ.items() if not name.startswith("LOCKAGE_")}
        self.environ |= {"LOCKAGE_HOME": str(folder / "h"), "LOCKAGE_CACHE": str(folder / "c")}
        self.environ |= {"HOME": str(folder)}

    def lockage(self, *arguments: object, key: bool = False) -> warm.Ended:
        own = pair()
        secrets = {
            "COSIGN_PRIVATE_KEY": own.sealed.decode(),
            "COSIGN_PUBLIC_KEY": own.public.decode(),
            "COSIGN_PASSWORD": PASSWORD,
        }
        return warm.run(
            list(map(str, arguments)), cwd=self.folder, env=self.environ | (secrets if key else {})
        )

    def push(self, reference: str, *more: str) -> warm.Ended:
        files = ("channels.json:application/json", "install.sh:text/x-shellscript")
        done = self.lockage("artifact", "push", reference, *files, *more, key=True)
        assert done.code == 0, done
        return done

    def cosign(self, command: str, *arguments: object, key: str = "release") -> bool:
        argv = [program("cosign"), command, "--key", self.folder / f"{key}.pub", "--insecure-ignore-tlog"]
        argv += list(map(str, arguments))
        done = subprocess.run(argv, env=self.environ, cwd=self.folder, capture_output=True, check=False)
        return done.returncode == 0


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A checkout."""
    return Site(tmp_path)


def referrers(reference: str) -> int:
    async def count() -> int:
        async with Registry() as registry:
            parsed = Reference.parse(reference)
            head = await registry.head(parsed)
            assert head
            return len((await registry.list_referrers(parsed.repository, head.digest)).entries)

    return anyio.run(count)


def test_an_artifact_is_signed_and_attested_once(site: Site, olareg: str, tmp_path: Path) -> None:
    reference = f"{olareg}/signed/channels:1.2.3"
    plain = ("--allow-http-registry", reference)
    site.push(reference)
    assert site.lockage("verify", reference, "--key", "release.pub").code == 7
    assert "signed" in site.push(reference, "--sign").err
    assert referrers(reference) == 2
    assert "signed" not in site.push(reference, "--sign").err
    (tmp_path / "another.txt").write_text("")
    commit(tmp_path)
    site.push(reference, "--sign")  # of another commit, with the same files
    assert referrers(reference) == 2

    for key, good in {"release": True, "stranger": False}.items():
        assert site.cosign("verify", "-a", "tag=1.2.3", *plain, key=key) == good
        attested = site.cosign("verify-attestation", "--type", "slsaprovenance1", *plain, key=key)
        assert attested == good
        done = site.lockage("verify", reference, "--key", f"{key}.pub")
        assert done.code == (0 if good else 7), done
    (found,) = json.loads(site.lockage("verify", reference, "--key", "release.pub", "--json").out)
    assert found["claims"][0]["image"] == "signed/channels" and found["refused"] == []
    moved = reference.replace("channels:1.2.3", "other:1.2.3")
    assert site.lockage("copy", reference, moved).code == 0
    done = site.lockage("verify", moved, "--key", "release.pub")
    assert done.code == 7 and "image signed/channels, not signed/other" in done.err

    rules = tmp_path / "rules.yml"
    rules.write_text(json.dumps({"verify": [{"images": ["**"], **RULES}]}))
    done = site.lockage("verify", reference, "--rules", "rules.yml", "--json")
    assert done.code == 0 and "https://lockage.org/build/artifact/v1" in done.out, done
    rules.write_text(
        json.dumps({"verify": [{"images": ["**"], **RULES, "provenance": {"branches": ["release/*"]}}]})
    )
    assert site.lockage("verify", reference, "--rules", "rules.yml").code == 7


def test_nothing_is_pulled_that_the_signer_has_not_signed(site: Site, olareg: str, tmp_path: Path) -> None:
    reference = f"{olareg}/signed/pulled:1.2.3"
    site.push(reference, "--sign")
    pull = ("artifact", "pull", reference, "--key")
    assert site.lockage(*pull, "release.pub", "--output", "good").code == 0
    assert (tmp_path / "good" / "install.sh").read_text() == "echo hello\n"
    (tmp_path / "install.sh").write_text("echo evil\n")
    site.push(reference)  # by somebody without the key: the tag moves, and nothing signed this content
    for key in ("release.pub", "stranger.pub"):
        done = site.lockage(*pull, key, "--output", "bad")
        assert done.code == 7 and not (tmp_path / "bad").exists(), done


def test_files_are_verified_as_cosign_does(site: Site, tmp_path: Path) -> None:
    """A signature for another file, of another kind, by another key, changed, or none at all."""
    archive, sign = tmp_path / "image.tar", with_key(pair())
    archive.write_bytes(b"archive" * 1000)

    async def make() -> bool:
        return await ensure_file_signed(archive, CLAIMS, sign, pair().public_key)

    assert anyio.run(make) and not anyio.run(make)
    place = signature_path(archive)
    true, content = place.read_bytes(), archive.read_bytes()
    payload = json.loads(true)["dsseEnvelope"]["payload"]
    subject = Digest.of(content)
    cases = {
        "true": (content, true, True),
        "another content": (content + b"x", true, False),
        "no signature": (content, None, False),
        "signed by a stranger": (
            content,
            signed(Statement(subject, SIGNATURE, {}).to_json(), OTHER_KEY),
            False,
        ),
        "an attestation": (content, signed(Statement(subject, CYCLONEDX, {}).to_json()), None),
        "a changed statement": (content, true.replace(payload[40:44].encode(), b"AAAA", 1), False),
        "not a bundle": (content, b"{}", False),
    }
    for name, (data, bundle, good) in cases.items():
        archive.write_bytes(data)
        place.unlink(missing_ok=True)
        if bundle is not None:
            place.write_bytes(bundle)
        done = site.lockage("verify", "--file", "image.tar", "--key", "release.pub")
        theirs = site.cosign("verify-blob", "--bundle", place, archive)
        assert done.code == (0 if good else 7), (name, done)
        assert theirs == (good is not False), name  # an attestation is enough for cosign verify-blob
        if good:
            assert "for app:1.2.3, linux/amd64" in done.out


def test_the_provenance_of_a_file_cannot_be_taken_away_or_exchanged(site: Site, tmp_path: Path) -> None:
    """Its signature says that it was attested; cosign judges the attestation alone, and as we do."""
    archive, sign, key = tmp_path / "image.tar", with_key(pair()), pair().public_key
    archive.write_bytes(b"archive" * 1000)
    commit_id = "c" * 40
    predicate = {
        "buildDefinition": {
            "buildType": ARCHIVE_TYPE,
            "resolvedDependencies": [
                {"uri": "git+https://git.example/acme@refs/heads/main", "digest": {"gitCommit": commit_id}}
            ],
        },
        "runDetails": {"builder": {"id": "https://ci.example/runner"}},
    }
    claims = replace(CLAIMS, provenance=ATTESTED)

    async def make() -> tuple[bool, bool]:
        attested = await ensure_file_attested(archive, lambda: predicate, sign, key)
        return attested, await ensure_file_signed(archive, claims, sign, key)

    async def earlier() -> bool:
        return await ensure_file_signed(archive, CLAIMS, sign, key)

    assert (
        anyio.run(earlier) and site.lockage("verify", "--file", "image.tar", "--key", "release.pub").code == 0
    )
    assert anyio.run(make) == (True, True) and anyio.run(make) == (False, False)
    place = provenance_path(archive)
    true, subject = place.read_bytes(), Digest.of(archive.read_bytes())
    other = Statement(Digest.of(b"other"), PROVENANCE, predicate)
    cases = {
        "true": (true, True),
        "none": (None, False),
        "of another file": (signed(other.to_json()), False),
        "by a stranger": (signed(replace(other, subject=subject).to_json(), OTHER_KEY), False),
        "another kind": (signed(Statement(subject, CYCLONEDX, predicate).to_json()), False),
    }
    for name, (bundle, good) in cases.items():
        place.unlink(missing_ok=True)
        if bundle is not None:
            place.write_bytes(bundle)
        done = site.lockage("verify", "--file", "image.tar", "--key", "release.pub")
        attestation = ("--type", "slsaprovenance1", "--bundle", place, archive)
        assert site.cosign("verify-blob-attestation", *attestation) == good, name
        assert done.code == (0 if good else 7), (name, done)
        if good:
            assert f"from https://git.example/acme refs/heads/main {commit_id}" in done.out
        else:
            assert "no provenance" in done.err and "image.tar.provenance.sigstore.json" in done.err
