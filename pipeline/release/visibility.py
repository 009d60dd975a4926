"""Who may pull from the repositories of environments: as lockage.yml wants it, as the registries have it, and what
changes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import LockageError, RegistryError
from pipeline.model import Repository
from pipeline.model.reference import DOCKER_HUB
from pipeline.registry.packages.anonymous import pullable_anonymously
from pipeline.registry.packages.github import GHCR
from pipeline.registry.packages.harbor import is_harbor, set_harbor_visibility
from pipeline.registry.packages.quay import QUAY, set_quay_visibility
from pipeline.util.concurrency import each
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.config import Environment, Project
    from pipeline.registry import Access
    from pipeline.registry.packages.github import GithubPackages

_APPLY = "lockage visibility --apply"
_BY_HAND = {
    GHCR: "https://github.com/{owner}?tab=packages: the package {name}, Package settings, Change visibility",
    DOCKER_HUB: "https://hub.docker.com/repository/docker/{path}/settings",
    "registry.gitlab.com": "https://gitlab.com/{path}: Settings, General, Visibility: Container registry",
}


@dataclass(frozen=True, slots=True)
class PackageVisibility:
    """A repository of an environment: who should be able to pull from it, and who can.

    `found` is `public`, `private` or GitHub's `internal`; empty where there is no repository yet. `page` is where a
    person changes it, as the registry's API names it.
    """

    environment: str
    repository: Repository
    wanted: str
    found: str
    page: str = ""

    @property
    def differs(self) -> bool:
        """Whether others can pull than those who should; `internal` is not what everybody can."""
        return bool(self.found) and (self.found == "public") != (self.wanted == "public")

    @property
    def change(self) -> str:
        """The command or page that changes it."""
        if self.page:
            return f"{self.page}: Package settings, Change visibility"
        owner, _, name = self.repository.path.partition("/")
        text = _BY_HAND.get(
            self.repository.host, f"{_APPLY}, if it is a Quay or Harbor; or as the registry has it"
        )
        text = _APPLY if self.repository.host == QUAY else text
        return text.format(owner=owner, name=name, path=self.repository.path)

    def __str__(self) -> str:
        if not self.found:
            return f"{self.repository}  is not there yet, or hidden"
        return f"{self.repository}  {self.found}" + (f", should be {self.wanted}" if self.differs else "")

    def to_json(self) -> dict[str, object]:
        """As data."""
        return {
            "environment": self.environment,
            "repository": str(self.repository),
            "wanted": self.wanted,
            "found": self.found or None,
            **({"change": self.change} if self.differs else {}),
        }


def places_of(
    project: Project, environments: Iterable[Environment], images: Sequence[str], embedded: str = ""
) -> dict[Repository, Environment]:
    """The repositories of environments that have a `visibility`."""
    return {
        project.repository(environment, image, embedded=embedded): environment
        for environment in environments
        if environment.visibility is not None
        for image in images
    }


async def read_visibility(
    places: dict[Repository, Environment], access: Access, packages: GithubPackages | None = None
) -> list[PackageVisibility]:
    """Who can pull from each: asked as a stranger does, of ghcr.io by the API of GitHub where there is a token.

    Raises RegistryError.
    """
    by_api = {r: await packages.visibility(r) for r in places if packages and r.host == GHCR}
    others = [repository for repository in places if by_api.get(repository) is None]
    strangers = await pullable_anonymously(access, others)
    out = []
    for repository, environment in places.items():
        opened = strangers.get(repository)
        guess = "" if opened is None else "public" if opened else "private"
        visible, page = by_api.get(repository) or (guess, "")
        wanted = environment.visibility or ""
        out.append(PackageVisibility(environment.name, repository, wanted, visible, page))
    return out


@dataclass(frozen=True, slots=True)
class VisibilityChange:
    """What became of one repository: `fault` says why it is not as it should be."""

    of: PackageVisibility
    fault: LockageError | None = None


async def set_visibility(
    differing: Sequence[PackageVisibility], access: Access, quay_token: str, quay_host: str = QUAY
) -> list[VisibilityChange]:
    """Change each by its registry's API, where there is one; a Harbor is known by its own."""
    harbors: dict[str, bool] = {}
    for host in sorted({one.repository.host for one in differing} - {quay_host, *_BY_HAND}):
        harbors[host] = await is_harbor(host, access)

    async def one(package: PackageVisibility) -> VisibilityChange:
        host = package.repository.host
        if host == quay_host:
            change = partial(set_quay_visibility, package.repository, package.wanted, quay_token, access)
        elif harbors.get(host):
            change = partial(set_harbor_visibility, package.repository, package.wanted, access)
        else:
            fault = RegistryError(f"{host} has no API that changes who may pull", hint=package.change)
            return VisibilityChange(package, fault)
        try:
            await change()
        except LockageError as fault:
            return VisibilityChange(package, fault)
        return VisibilityChange(package)

    return await each(one, differing)
