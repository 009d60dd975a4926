"""The context of a run inside a Dagger function, from its caller's arguments alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from pipeline.catalogue import read_source
from pipeline.catalogue.source import lock_of
from pipeline.config import EMBEDDED, Lock, read_lock
from pipeline.engine.faults import explained
from pipeline.engine.head import read_head
from pipeline.engine.secrets import plaintext
from pipeline.engine.session import Login, log_in
from pipeline.errors import UsageError
from pipeline.model import Mirrors, Platform
from pipeline.plan import plan_of
from pipeline.policy import Revision
from pipeline.trust.keypair import KeyPair

from .context import RunContext, RunLimits
from .engines import GivenEngine
from .gates.rules import rules_of_environments
from .lock import resolve, wanted
from .signing.dagger_keyless import image_signer

if TYPE_CHECKING:
    import dagger

    from pipeline.catalogue import Source
    from pipeline.config.builder import SecretSource, SshSource
    from pipeline.plan import Plan, Target
    from pipeline.registry import Access, Credentials, Registry
    from pipeline.trust import PublicKey
    from pipeline.util.progress import Report

_CATALOGUE = ("lockage.yml", "lockage.lock", "images")
_JOBS = 4


@dataclass(frozen=True, slots=True)
class GivenSecrets:
    """The secrets of builds by their id in lockage.yml, and an SSH agent."""

    by_id: Mapping[str, dagger.Secret] = field(default_factory=lambda: MappingProxyType({}))
    socket: dagger.Socket | None = None

    @classmethod
    def of(
        cls, ids: Sequence[str], secrets: Sequence[dagger.Secret], agent: dagger.Socket | None
    ) -> GivenSecrets:
        """From secrets and their ids in the same order. Raises UsageError unless there is one for each."""
        if len(ids) != len(secrets) or len(set(ids)) != len(ids):
            raise UsageError(
                f"{len(ids)} ids for {len(secrets)} secrets",
                hint="--secret-ids token,config --secrets env://TOKEN,file://config.json",
            )
        return cls(dict(zip(ids, secrets, strict=True)), agent)

    async def secret(self, client: dagger.Client, id: str, source: SecretSource) -> dagger.Secret | None:
        """The secret with this id."""
        return self.by_id.get(id)

    async def agent(self, client: dagger.Client, id: str, source: SshSource) -> dagger.Socket | None:
        """The agent, whatever the id."""
        return self.socket

    async def key(self, client: dagger.Client, id: str, source: SshSource) -> dagger.Secret | None:
        """The secret with this id, as a key."""
        return self.by_id.get(id)


@dataclass(frozen=True, slots=True)
class Given:
    """The arguments of a function. `registry` is the embedded one, `registry_config` has its credentials; `mirrors` are
    HOST=ADDRESS."""

    client: dagger.Client
    source: dagger.Directory
    registry: dagger.Service | None = None
    registry_config: dagger.Secret | None = field(default=None, repr=False)
    mirrors: Sequence[str] = ()
    lock: dagger.File | None = None
    revision: str = ""
    docker_config: dagger.Secret | None = field(default=None, repr=False)
    private_key: dagger.Secret | None = field(default=None, repr=False)
    password: dagger.Secret | None = field(default=None, repr=False)
    public_key: str = ""
    identity_token: dagger.Secret | None = field(default=None, repr=False)
    secrets: GivenSecrets = field(default_factory=GivenSecrets, repr=False)


async def read_catalogue(given: Given) -> Source:
    """Export lockage.yml, the lock and images/ to this function's disk, and read them."""
    folder = Path.cwd() / "source"
    files = given.client.directory().with_directory(".", given.source, include=list(_CATALOGUE))
    await files.export(str(folder))
    return read_source(folder)


@asynccontextmanager
async def run_context(
    given: Given,
    report: Report,
    *,
    targets: Sequence[str] = (),
    platforms: Sequence[str] = (),
    fresh: bool = False,
    signs: bool = False,
) -> AsyncIterator[RunContext]:
    """The context of a run of these targets; what is not locked is resolved in the registries in force.

    A private key is needed only if the run `signs`; given, it also signs what is remembered. Raises UsageError for
    arguments that do not go together, and whatever making a plan raises.
    """
    from datetime import UTC, datetime

    from pipeline.registry import Registry

    source, chosen, folder = await read_catalogue(given), _platforms(platforms), Path.cwd()
    mirrors, lock = parse_mirrors(given.mirrors), await _lock(given)
    if lock is None and not given.mirrors:
        lock = lock_of(source)

    def plan_with(lock: Lock | None) -> Plan:
        return plan_of(source, lock=lock, only=targets, platforms=chosen)

    plan = plan_with(lock)
    host, access = await _access(given, plan)
    async with Registry(access) as registry:
        lock = await _complete(lock, plan, registry, mirrors)
        context = RunContext(
            plan=plan_with(lock),
            whole=_whole(source, lock) if chosen or any("/" in name for name in targets) else {},
            registry=registry,
            engine=GivenEngine(given.client, folder, given.registry),
            host=host,
            mirrors=mirrors,
            signing=await _signing(given, signs and not (plan.project.keyless or plan.project.kms)),
            revision=await _revision(given, folder / "objects"),
            today=datetime.now(UTC).date(),
            contexts=folder / "contexts",
            cache=folder / "cache",
            limits=RunLimits.of(_JOBS),
            report=report,
            fresh=fresh,
            secrets=given.secrets,
            trusted=await _trusted(given, plan),
            image_signer=await image_signer(given, plan),
        )
        if any(environment.verify for environment in plan.project.environments):
            rules = rules_of_environments(plan.project, await _rule_files(given, plan), context.signatory)
            context = replace(context, rules=rules)
        yield context


def _whole(source: Source, lock: Lock) -> dict[str, tuple[Target, ...]]:
    """All platforms of each `image:tag`, for a run of some of them."""
    return dict(plan_of(source, lock=lock).groups())


def parse_mirrors(texts: Sequence[str]) -> Mirrors:
    """Mirrors from `HOST=ADDRESS` each. Raises UsageError."""
    pairs = [text.strip().partition("=") for text in texts if text.strip()]
    try:
        if not all(host and address for host, _, address in pairs):
            raise ValueError("must be HOST=ADDRESS")
        return Mirrors.parse({host: address for host, _, address in pairs})
    except ValueError as fault:
        raise UsageError(f"--mirrors: {fault}", hint="docker.io=registry.example/docker.io") from None


def _platforms(texts: Sequence[str]) -> list[Platform]:
    try:
        return [Platform.parse(text) for text in texts]
    except ValueError as fault:
        raise UsageError(str(fault)) from None


async def _lock(given: Given) -> Lock | None:
    return read_lock((await given.lock.contents()).encode(), "--lock") if given.lock else None


async def _complete(lock: Lock | None, plan: Plan, registry: Registry, mirrors: Mirrors) -> Lock:
    locked = dict(lock.images) if lock else {}
    missing = tuple(r for r in wanted(plan) if r not in locked)
    return Lock.of(locked | dict((await resolve(registry, mirrors, missing)).images))


async def _access(given: Given, plan: Plan) -> tuple[str, Access]:
    """The embedded registry's host as references have it, and how this container reaches it and all others.

    The engine knows the registry by its address on the caller's machine; this container reaches it as a service.
    """
    from pipeline.registry import HostAccess, access_from_environ

    embedded = plan.project.registry == EMBEDDED
    host, hosts = "", dict[str, HostAccess]()
    if embedded and given.registry is None:
        raise UsageError(
            "lockage.yml says `registry: embedded`, and no registry was given",
            hint='eval "$(lockage env)", or --registry tcp://localhost:PORT (`lockage status` has the port)',
        )
    if given.registry is not None and (embedded or any("=localhost:" in text for text in given.mirrors)):
        address = await (await given.registry.start()).endpoint()
        host = f"localhost:{address.rpartition(':')[2]}"
        own = await _registry_credentials(given, host)
        hosts = {host: HostAccess(True, credentials=own, address=address, sends_basic=own is not None)}
        if own is not None:
            await log_in(given.client, [Login(host, own.username, own.password)])
    config = await plaintext(given.docker_config, "--docker-config") if given.docker_config else "{}"
    return host, access_from_environ({}, config, hosts=hosts)


async def _registry_credentials(given: Given, host: str) -> Credentials | None:
    """The credentials of the embedded registry, if there are any. Raises UsageError."""
    from pipeline.registry.auth.docker_config import DockerConfig

    if given.registry_config is None:
        return None
    text = await plaintext(given.registry_config, "--registry-config")
    return DockerConfig.parse(text, "--registry-config").auths.get(host)


async def _signing(given: Given, signs: bool) -> KeyPair:
    public = given.public_key.encode()
    if given.private_key is None or not public:
        if not signs:
            return KeyPair(public, "--public-key")
        raise UsageError(
            "signing needs a key pair",
            hint='eval "$(lockage env)", or --private-key file://cosign.key --public-key "$(cat cosign.pub)"',
        )
    try:
        private = await plaintext(given.private_key, "--private-key")
        password = await plaintext(given.password, "--password") if given.password else ""
    except UsageError:  # by default both are variables of the caller, who need not have them
        if signs:
            raise
        return KeyPair(public, "--public-key")
    return KeyPair(public, "--public-key", private.encode(), password)


async def _trusted(given: Given, plan: Plan) -> tuple[PublicKey, ...]:
    """The public keys in files of the source. Raises ConfigError."""
    from pipeline.trust import PublicKey

    keys = []
    for path in plan.project.trusted_records:
        with explained(f"reading {path}", hint="trust: records: in lockage.yml names files of public keys"):
            keys.append(PublicKey((await given.source.file(path).contents()).encode(), path))
    return tuple(keys)


async def _rule_files(given: Given, plan: Plan) -> dict[str, bytes]:
    """The files that rules of environments name, in the source."""
    out = {}
    for environment in plan.project.environments:
        for path in environment.verify.files if environment.verify else ():
            with explained(f"reading {path}", hint="verify: in lockage.yml names keys and trusted roots"):
                out[path] = (await given.source.file(path).contents()).encode()
    return out


async def _revision(given: Given, scratch: Path) -> Revision:
    head = await read_head(given.source, scratch)
    if head is None or given.revision not in ("", head.sha):
        try:
            return Revision(given.revision)
        except ValueError as fault:
            raise UsageError(f"--revision: {fault}") from None
    return Revision(head.sha, head.dirty, head.created)
