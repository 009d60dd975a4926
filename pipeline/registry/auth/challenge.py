"""Parsing of `WWW-Authenticate` (RFC 9110, 11.6.1) and scopes of the distribution token protocol."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pipeline.util.dataclass import dataclass

_MAX = 8192
_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_SCHEME = re.compile(rf"[\s,]*({_TOKEN})(?:\s+|$|(?=,))")
_BARE = r'[^\s",;=][^\s",;]*'  # an address without quotes, as some registries write it, is no token
_PARAMETER = re.compile(rf'[\s,]*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_BARE}))')
_TOKEN68 = re.compile(r"([A-Za-z0-9._~+/-]+=*)(?=\s*(?:,|$))")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to authenticate: a lower-case scheme and its parameters."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(values: Iterable[str]) -> tuple[Challenge, ...]:
    """The challenges of one or more header values, in order; stops at the first that is malformed."""
    challenges: list[Challenge] = []
    for value in values:
        text, position = value[:_MAX], 0
        while match := _SCHEME.match(text, position):
            position = match.end()
            parameters: dict[str, str] = {}
            if not _PARAMETER.match(text, position) and (token := _TOKEN68.match(text, position)):
                position = token.end()
            while parameter := _PARAMETER.match(text, position):
                position = parameter.end()
                name, quoted, bare = parameter.groups()
                parameters.setdefault(
                    name.lower(), bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
                )
            challenges.append(Challenge(match[1].lower(), parameters))
    return tuple(challenges)


@dataclass(frozen=True, slots=True, order=True)
class TokenScope:
    """What a token allows, e.g. `repository:acme/app:pull,push`."""

    kind: str
    name: str
    actions: frozenset[str]

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}:{','.join(sorted(self.actions))}"


Scopes = frozenset[TokenScope]


def pull(path: str) -> TokenScope:
    """Reading of a repository."""
    return TokenScope("repository", path, frozenset({"pull"}))


def push(path: str) -> TokenScope:
    """Reading and writing of a repository."""
    return TokenScope("repository", path, frozenset({"pull", "push"}))


def delete(path: str) -> TokenScope:
    """Reading and deleting in a repository."""
    return TokenScope("repository", path, frozenset({"delete", "pull"}))


def parse_scopes(text: str) -> Scopes:
    """The scopes of a challenge, separated by spaces; a malformed one is left out."""
    scopes = set()
    for item in text.split():
        kind, _, rest = item.partition(":")
        name, _, actions = rest.rpartition(":")
        if kind and name and actions:
            scopes.add(TokenScope(kind, name, frozenset(actions.split(","))))
    return frozenset(scopes)


def union(*scope_sets: Iterable[TokenScope]) -> Scopes:
    """All scopes of several sets, with the actions on one resource merged."""
    actions: dict[tuple[str, str], frozenset[str]] = {}
    for scopes in scope_sets:
        for scope in scopes:
            key = (scope.kind, scope.name)
            actions[key] = actions.get(key, frozenset()) | scope.actions
    return frozenset(TokenScope(kind, name, merged) for (kind, name), merged in actions.items())


def covers(held: Scopes, requested: Scopes) -> bool:
    """Whether a token for `held` allows everything in `requested`."""
    allowed = {(scope.kind, scope.name): scope.actions for scope in held}
    return all(scope.actions <= allowed.get((scope.kind, scope.name), frozenset()) for scope in requested)
