"""What a condition is once it has been read: a small tree of operations on columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

# Whether a value is one for all, one for each sample, or one for each row.
CONSTANT, SAMPLE, ROW = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Constant:
    """A number or truth value."""

    value: float
    logical: bool = False
    level: int = CONSTANT


@dataclass(frozen=True, slots=True)
class Column:
    """A column, by name or, in digits, by its number."""

    key: str
    logical: bool = False
    level: int = ROW


@dataclass(frozen=True, slots=True)
class SampleSize:
    """Number of rows of each sample."""

    logical: bool = False
    level: int = SAMPLE


@dataclass(frozen=True, slots=True)
class AsNumber:
    """Truth values as 0 and 1."""

    operand: Node
    level: int
    logical: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """An elementwise function of the array library; "and" and "or" take two operands or more."""

    function: str
    operands: tuple[Node, ...]
    level: int
    logical: bool
    options: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """A chain such as ``a < b <= c``: `functions` holds one name less than there are operands."""

    functions: tuple[str, ...]
    operands: tuple[Node, ...]
    level: int
    logical: bool = True


@dataclass(frozen=True, slots=True)
class Reduction:
    """One value for each sample from its rows; see `gpupept.kernels.segments.reductions`."""

    function: str
    operand: Node
    logical: bool
    fraction: float = 0.5
    level: int = SAMPLE


Node: TypeAlias = Constant | Column | SampleSize | AsNumber | Call | Comparison | Reduction


def call(function: str, *operands: Node, logical: bool = False) -> Call:
    """Apply an elementwise function."""
    return Call(function, operands, max(node.level for node in operands), logical)


def all_of(clauses: Sequence[Node]) -> Node:
    """Join conditions, at least one: all of them must hold."""
    return clauses[0] if len(clauses) == 1 else call("logical_and", *clauses, logical=True)


def as_number(node: Node) -> Node:
    """Make truth values numbers."""
    return AsNumber(node, node.level) if node.logical else node


def as_condition(node: Node) -> Node:
    """Make numbers truth values: those that are not zero are true."""
    return node if node.logical else Comparison(("not_equal",), (node, Constant(0.0)), node.level)


def reduces(node: Node) -> bool:
    """Tell whether a condition looks at several rows of a sample at once."""
    match node:
        case Reduction() | SampleSize():
            return True
        case AsNumber(operand=operand):
            return reduces(operand)
        case Call(operands=operands) | Comparison(operands=operands):
            return any(reduces(item) for item in operands)
    return False
