"""The code of templates: jinja2's, in which every operation is charged.

jinja2 evaluates constant expressions while it compiles, and compiles `~`, comparisons, slices and output to plain
Python. Here nothing is evaluated early, and each of them passes through the sandbox.
"""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO
from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame, operators

from .budget import NODE
from .limits import MAX_CODE, MAX_CODE_SIZE

_SMALL = 64  # characters of a constant that costs nothing to compare
_BODIES = ("body", "else_")


class TooMuchCode(Exception):
    """The compiled code of a template would be too large."""


class _Pieces(StringIO):
    """The code; its pieces are counted as they are written."""

    def __init__(self) -> None:
        super().__init__()
        self._count = self._size = 0

    def write(self, text: str, /) -> int:
        """Add a piece."""
        self._count += 1
        self._size += len(text)
        if self._count > MAX_CODE or self._size > MAX_CODE_SIZE:
            raise TooMuchCode
        return super().write(text)

    def count(self, pieces: int) -> None:
        """Count pieces that come in one text."""
        self._count += pieces
        if self._count > MAX_CODE:
            raise TooMuchCode


class ChargedCode(CodeGenerator):
    """jinja2's code generator, with charges."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        if getattr(self.environment, "compiles_large", True):
            self.stream = _Pieces()

    def blockvisit(self, nodes: Iterable[nodes.Node], frame: Frame) -> None:
        """The statements of a body, charged whenever it is entered."""
        body = list(nodes)
        self.writeline(f"environment.enter({NODE * sum(map(weight, body))})")
        super().blockvisit(body, frame)

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> str:
        if not isinstance(node, nodes.TemplateData | nodes.Const):
            raise nodes.Impossible
        return super()._output_child_to_const(node, frame, finalize)

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if frame.eval_ctx.volatile or frame.eval_ctx.autoescape:
            super()._output_child_pre(node, frame, finalize)
            self.write("environment.compared(")
        else:
            self.write("environment.shown(")

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if frame.eval_ctx.volatile or frame.eval_ctx.autoescape:
            super()._output_child_post(node, frame, finalize)
        self.write(")")

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        """`a ~ b`."""
        self.write("environment.joined(context, (")
        for item in node.nodes:
            self.visit(item, frame)
            self.write(", ")
        self.write("))")

    def visit_Compare(self, node: nodes.Compare, frame: Frame) -> None:
        """`a == b`, `a in b` and the others."""
        self.write("(")
        self._compared(node.expr, frame)
        for operand in node.ops:
            self.visit(operand, frame)
        self.write(")")

    def visit_Operand(self, node: nodes.Operand, frame: Frame) -> None:
        """One operator of a comparison with its right side."""
        self.write(f" {operators[node.op]} ")
        self._compared(node.expr, frame)

    def visit_Dict(self, node: nodes.Dict, frame: Frame) -> None:
        """A mapping, whose keys are hashed."""
        self.write("{")
        for pair in node.items:
            self._compared(pair.key, frame)
            self.write(": ")
            self.visit(pair.value, frame)
            self.write(", ")
        self.write("}")

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:
        """`a[b]`, or a slice, which makes a copy."""
        if not isinstance(node.arg, nodes.Slice):
            super().visit_Getitem(node, frame)
            return
        self.write("environment.sliced(")
        self.visit(node.node, frame)
        self.write(")[")
        self.visit(node.arg, frame)
        self.write("]")

    def dump_local_context(self, frame: Frame) -> str:
        """The variables that an include sees."""
        if isinstance(self.stream, _Pieces):
            self.stream.count(len(frame.symbols.dump_stores()))
        return super().dump_local_context(frame)

    def _compared(self, node: nodes.Expr, frame: Frame) -> None:
        if isinstance(node, nodes.Const) and (not isinstance(node.value, str) or len(node.value) < _SMALL):
            self.visit(node, frame)
            return
        self.write("environment.compared(")
        self.visit(node, frame)
        self.write(")")


def reached(node: nodes.Node, without: tuple[str, ...] = ()) -> list[nodes.Node]:
    """A node and all nodes below it, without those in some fields. Much faster than jinja2's own walk."""
    visited = [node]
    for at in visited:
        for name, value in at.__dict__.items():
            if type(value) is list:
                if name not in without:
                    visited += [item for item in value if isinstance(item, nodes.Node)]
            elif isinstance(value, nodes.Node):
                visited.append(value)
    return visited


def weight(node: nodes.Node) -> int:
    """The expressions of a node that one evaluation may reach, without the bodies in it."""
    return len(reached(node, _BODIES))
