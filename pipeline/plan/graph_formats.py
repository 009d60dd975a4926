"""The FROM graph for people and tools: text, JSON, DOT, Mermaid. Platforms of a tag are one node."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import pretty

from .plan import Plan


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes are `image:tag` and external references; edges lead from an image to its bases."""

    nodes: tuple[str, ...]  # internal, in build order
    external: tuple[str, ...]  # sorted
    edges: tuple[tuple[str, str], ...]  # sorted

    def bases_of(self, node: str) -> tuple[str, ...]:
        """The bases of a node."""
        return tuple(base for name, base in self.edges if name == node)

    def dependents_of(self, node: str) -> tuple[str, ...]:
        """The dependents of a node, sorted."""
        return tuple(name for name, base in self.edges if base == node)


def graph_of(plan: Plan) -> Graph:
    """The graph of a plan."""
    edges: set[tuple[str, str]] = set()
    external: set[str] = set()
    for target in plan.targets:
        edges.update((target.name, plan.by_id[base].name) for base in target.internal_bases)
        for reference in target.external_bases:
            if reference == target.syntax:
                continue  # it parses the Dockerfile, but is not part of the image
            name = reference.repository.tagged(reference.tag) if reference.tag else reference
            external.add(name.familiar)
            edges.add((target.name, name.familiar))
    return Graph(tuple(name for name, _ in plan.groups()), tuple(sorted(external)), tuple(sorted(edges)))


def text(graph: Graph) -> str:
    """A tree from the external bases down. An image with several bases appears under each, in full once."""
    lines: list[str] = []
    shown: set[str] = set()
    roots = [*graph.external, *(n for n in graph.nodes if not graph.bases_of(n))]

    def below(node: str, indent: str) -> None:
        children = graph.dependents_of(node)
        for number, child in enumerate(children):
            last = number == len(children) - 1
            again = child in shown and graph.dependents_of(child)
            lines.append(f"{indent}{'└── ' if last else '├── '}{child}{' (above)' if again else ''}")
            if child not in shown:
                shown.add(child)
                below(child, indent + ("    " if last else "│   "))

    for root in roots:
        lines.append(f"{root} (external)" if root in graph.external else root)
        below(root, "")
    return "\n".join(lines) + "\n"


def json(graph: Graph) -> str:
    """`{nodes, external, edges: [{from, to}]}`: `from` is based on `to`."""
    data: dict[str, object] = {
        "nodes": list(graph.nodes),
        "external": list(graph.external),
        "edges": [{"from": name, "to": base} for name, base in graph.edges],
    }
    return pretty(data)


def dot(graph: Graph) -> str:
    """Graphviz DOT."""
    lines = ["digraph catalogue {", "  rankdir=LR;", "  node [shape=box];"]
    lines += [f'  "{name}" [style=dashed];' for name in graph.external]
    lines += [f'  "{name}";' for name in graph.nodes]
    lines += [f'  "{base}" -> "{name}";' for name, base in graph.edges]
    return "\n".join([*lines, "}"]) + "\n"


def mermaid(graph: Graph) -> str:
    """A Mermaid flowchart."""
    ids = {name: f"n{number}" for number, name in enumerate((*graph.external, *graph.nodes))}
    lines = ["flowchart LR"]
    lines += [f'  {ids[name]}(["{name}"])' for name in graph.external]
    lines += [f'  {ids[name]}["{name}"]' for name in graph.nodes]
    lines += [f"  {ids[base]} --> {ids[name]}" for name, base in graph.edges]
    return "\n".join(lines) + "\n"


RENDERERS: Mapping[str, Callable[[Graph], str]] = {"text": text, "json": json, "dot": dot, "mermaid": mermaid}
