"""Parsing of `WWW-Authenticate` (RFC 9110, 11.6.1) and scopes of the distribution token protocol."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_MAX = 8192
_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_SCHEME = re.compile(rf"[\s,]*({_TOKEN})(?:\s+|$|(?=,))")
_PARAMETER = re.compile(rf'[\s,]*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))')
_TOKEN68 = re.compile(r"([A-Za-z0-9._~+/-]+=*)(?=\s*(?:,|$))")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to authenticate: a lower-case scheme and its parameters."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(values: Iterable[str]) -> tuple[Challenge, ...]:
    """All challenges of one or more header values, in order; reading stops at what is not one."""
    out: list[Challenge] = []
    for value in values:
        text, at = value[:_MAX], 0
        while match := _SCHEME.match(text, at):
            at = match.end()
            found: dict[str, str] = {}
            if not _PARAMETER.match(text, at) and (token := _TOKEN68.match(text, at)):
                at = token.end()
            while parameter := _PARAMETER.match(text, at):
                at = parameter.end()
                name, quoted, bare = parameter.groups()
                found.setdefault(name.lower(), bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
            out.append(Challenge(match[1].lower(), found))
    return tuple(out)


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """What a token is asked for, e.g. `repository:acme/app:pull,push`."""

    kind: str
    name: str
    actions: frozenset[str]

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}:{','.join(sorted(self.actions))}"


Scopes = frozenset[Scope]


def pull(path: str) -> Scope:
    """Reading of a repository."""
    return Scope("repository", path, frozenset({"pull"}))


def push(path: str) -> Scope:
    """Reading and writing of a repository."""
    return Scope("repository", path, frozenset({"pull", "push"}))


def delete(path: str) -> Scope:
    """Reading and deleting in a repository."""
    return Scope("repository", path, frozenset({"delete", "pull"}))


def parse_scopes(text: str) -> Scopes:
    """Scopes of a challenge, separated by spaces; what has another form is left out."""
    out = set()
    for word in text.split():
        kind, _, rest = word.partition(":")
        name, _, actions = rest.rpartition(":")
        if kind and name and actions:
            out.add(Scope(kind, name, frozenset(actions.split(","))))
    return frozenset(out)


def union(*several: Iterable[Scope]) -> Scopes:
    """Everything that any of them asks for; actions on the same resource are put together."""
    actions: dict[tuple[str, str], frozenset[str]] = {}
    for scopes in several:
        for scope in scopes:
            key = (scope.kind, scope.name)
            actions[key] = actions.get(key, frozenset()) | scope.actions
    return frozenset(Scope(kind, name, of) for (kind, name), of in actions.items())


def covers(held: Scopes, asked: Scopes) -> bool:
    """Whether a token for `held` answers for `asked`."""
    have = {(scope.kind, scope.name): scope.actions for scope in held}
    return all(scope.actions <= have.get((scope.kind, scope.name), frozenset()) for scope in asked)
