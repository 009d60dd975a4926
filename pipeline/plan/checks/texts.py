"""Check one tag's Dockerfile against its image.yml: sources that are missing or may change, arguments, labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.catalogue.named_contexts import kind_of
from pipeline.catalogue.source import Source
from pipeline.catalogue.templating.rendering import Rendered
from pipeline.dockerfile.arguments import declared_arguments
from pipeline.dockerfile.labels import labels_of
from pipeline.dockerfile.remote import is_pinned
from pipeline.errors import Problem
from pipeline.model import Platform
from pipeline.util.suggest import did_you_mean

from .copy_sources import missing_sources, moving_sources

_PROXIES = frozenset(f"{kind}_PROXY" for kind in ("HTTP", "HTTPS", "FTP", "NO", "ALL"))  # need no ARG
_NOT_IN_KEY = "the key cannot see it change"


def check_sources(source: Source, item: Rendered, problems: list[Problem]) -> None:
    """Append a problem for each source of COPY and ADD that is not in the build context."""
    for line, instruction, name in missing_sources(item.dockerfile, item.rootfs):
        hint = f"only rootfs/ is: put it into {item.definition.folders[-1]}/rootfs/"
        problems.append(item.problem(source, line, instruction, f"{name} is not in the build context", hint))


def undeclared_arguments(item: Rendered) -> Iterator[str]:
    """A warning for each of the image's own arguments that no ARG declares."""
    own = item.definition.arguments
    if not own or item.definition.external is not None:
        return
    declared = declared_arguments(item.dockerfile)
    for name, argument in own.items():
        if name not in declared and name.upper() not in _PROXIES:
            hint = did_you_mean(name, declared)
            yield str(argument.position.problem("no ARG of the Dockerfile has this name", hint))


def unpinned_addresses(source: Source, item: Rendered) -> Iterator[str]:
    """A warning for each address, of ADD or of a context, whose content may change."""
    for line, address, remedy in moving_sources(item.dockerfile):
        yield item.warning(source, line, "ADD", f"{address}: {_NOT_IN_KEY}", remedy)
    for context in item.definition.contexts.values():
        if kind_of(context.value) == "url" and not is_pinned(context.value):
            remedy = "name a whole commit: #COMMIT or ?checksum=COMMIT"
            yield str(context.position.problem(_NOT_IN_KEY, remedy))


def overridden_labels(
    source: Source, item: Rendered, platform: Platform, arguments: Mapping[str, str]
) -> Iterator[str]:
    """A warning for each label of image.yml that the Dockerfile sets to another value: the Dockerfile wins."""
    own = item.definition.labels
    if not own or item.definition.external is not None:
        return
    for key, label in labels_of(item.dockerfile, platform, arguments, item.definition.contexts).items():
        if key in own and label.value != own[key]:
            value = "another value" if label.value is None else repr(label.value)
            message = f"{key} is {value} here, which wins over {own[key]!r} in image.yml"
            yield item.warning(source, label.line, "LABEL", message)
