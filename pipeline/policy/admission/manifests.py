"""Policies as values, and the YAML that is applied to a cluster."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.util.dataclass import dataclass
from pipeline.util.printable import safe_line


@dataclass(frozen=True, slots=True)
class Policy:
    """One resource. `left_out` is what the rules demand and it does not, `notes` where it differs otherwise."""

    document: Mapping[str, Any]
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policies:
    """All resources for an engine, with what holds for each of them."""

    documents: tuple[Policy, ...]
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """All that the rules demand and these policies do not."""
        return (
            *self.left_out,
            *(f"{_name(policy.document)}: {text}" for policy in self.documents for text in policy.left_out),
        )


def policies_yaml(policies: Policies, command: str, origin: str) -> str:
    """The resources as YAML, the same bytes for the same policies; comments name what is left out."""
    head = [f"Written by {command} from {origin}: change that file and write this again."]
    parts = [_comment([*head, *_remarks(policies.left_out, policies.notes)])]
    for policy in policies.documents:
        parts += ["---\n", _comment(_remarks(policy.left_out, policy.notes)), dump(policy.document)]
    return "".join(parts)


def _remarks(left_out: Sequence[str], notes: Sequence[str]) -> list[str]:
    return [*(f"LEFT OUT: {text}" for text in left_out), *notes]


def _comment(paragraphs: Sequence[str]) -> str:
    lines = (
        line for text in paragraphs for line in textwrap.wrap(safe_line(text), 110, subsequent_indent="  ")
    )
    return "".join(f"# {line}\n" for line in lines)


def _name(document: Mapping[str, Any]) -> str:
    return f"{document['kind']} {document['metadata']['name']}"


def dump(document: Mapping[str, Any]) -> str:
    """YAML in the order of the mapping."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Texts of several lines as blocks, no aliases."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    written: str = yaml.dump(document, Dumper=Dumper, sort_keys=False, width=110, allow_unicode=True)
    return written
