"""Random repositories: images and indexes that share children, referrers of referrers, tags of all of them."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from pipeline.model import Digest
from pipeline.policy.retention import Action, Node, RepositoryFacts, TagVerdict

DIGESTS = [Digest.of(str(number).encode()) for number in range(14)]


@st.composite
def repositories(draw: st.DrawFn) -> RepositoryFacts:
    """A repository. Manifests refer to earlier ones alone, as digests make it: children, and subjects."""
    nodes: dict[Digest, Node] = {}
    for number, digest in enumerate(DIGESTS[: draw(st.integers(2, len(DIGESTS)))]):
        earlier = st.sampled_from(DIGESTS[:number]) if number else st.nothing()
        children = draw(st.lists(earlier, max_size=3, unique=True)) if number else []
        subjects = draw(st.frozensets(earlier, max_size=1)) if number else frozenset()
        nodes[digest] = Node(digest, tuple(children), subjects)
    known = sorted(nodes)
    gone = frozenset(draw(st.sets(st.sampled_from(known), max_size=2)))
    for digest in gone:
        del nodes[digest]
    there = sorted(nodes) or [DIGESTS[-1]]
    nodes.setdefault(there[0], Node(there[0]))
    tags = {f"t{n}": draw(st.sampled_from(there)) for n in range(draw(st.integers(0, 8)))}
    attached = {
        f"sha256-{subject.hex}": subject for subject in draw(st.sets(st.sampled_from(known), max_size=3))
    }
    later = {tag: [d for d in there if DIGESTS.index(d) > DIGESTS.index(s)] for tag, s in attached.items()}
    attached = {tag: subject for tag, subject in attached.items() if later[tag]}
    tags |= {tag: draw(st.sampled_from(later[tag])) for tag in attached}
    some = st.sets(st.sampled_from(there), max_size=2)
    return RepositoryFacts(
        tags,
        nodes,
        attached,
        gone - nodes.keys(),
        dict.fromkeys(draw(some), "a rollback"),
        frozenset(draw(some)),
        dict.fromkeys(draw(some), 0),
    )


@st.composite
def judged(draw: st.DrawFn) -> tuple[RepositoryFacts, tuple[TagVerdict, ...]]:
    """A repository and verdicts on its tags."""
    facts = draw(repositories())
    verdicts = tuple(
        TagVerdict(tag, digest, draw(st.booleans()), "the rules", draw(st.integers(0, 3)))
        for tag, digest in sorted(facts.tags.items())
        if tag not in facts.attached
    )
    return facts, verdicts


def edges(facts: RepositoryFacts, digest: Digest) -> set[Digest]:
    """What a manifest keeps, worked out without the program's code."""
    children = set(facts.nodes[digest].children) if digest in facts.nodes else set()
    referrers = {node.digest for node in facts.nodes.values() if digest in node.subjects}
    lists = {facts.tags[tag] for tag, subject in facts.attached.items() if subject == digest}
    return children | referrers | lists


def closure(facts: RepositoryFacts, roots: set[Digest]) -> set[Digest]:
    """All that roots need."""
    found, todo = set(roots), set(roots)
    while todo:
        todo = set().union(*(edges(facts, digest) for digest in todo)) - found
        found |= todo
    return found


def without(facts: RepositoryFacts, actions: tuple[Action, ...]) -> RepositoryFacts:
    """The repository once actions have been performed, as registries do it: a manifest takes its tags along."""
    tags, nodes = dict(facts.tags), dict(facts.nodes)
    gone = set(facts.gone)
    for action in actions:
        if action.tag:
            tags.pop(action.tag, None)
            continue
        nodes.pop(action.digest, None)
        gone.add(action.digest)
        tags = {tag: digest for tag, digest in tags.items() if digest != action.digest}
    attached = {tag: subject for tag, subject in facts.attached.items() if tag in tags}
    return replace(facts, tags=tags, nodes=nodes, attached=attached, gone=frozenset(gone))
