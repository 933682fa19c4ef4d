"""Reading a condition: Python's syntax, of which only what is listed here is let through."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from typing import Any

from gpupept.tracking.conditions.errors import ConditionError, refusal
from gpupept.tracking.conditions.functions import (
    CONSTANTS,
    FUNCTIONS,
    OPTIONS,
    REDUCTIONS,
    Signature,
)
from gpupept.tracking.conditions.nodes import (
    CONSTANT,
    ROW,
    Call,
    Column,
    Comparison,
    Constant,
    Node,
    Reduction,
    SampleSize,
    as_condition,
    as_number,
    call,
)
from gpupept.tracking.conditions.tokens import CALLABLE, clauses_of

DEEPEST = 100  # operations inside operations
LARGEST_EXPONENT = 64

_ARITHMETIC: dict[type, str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "true_divide",
    ast.FloorDiv: "floor_divide",
    ast.Mod: "remainder",
}
_LOGICAL: dict[type, str] = {
    ast.BitAnd: "logical_and",
    ast.BitOr: "logical_or",
    ast.BitXor: "logical_xor",
    ast.And: "logical_and",
    ast.Or: "logical_or",
}
_COMPARED: dict[type, str] = {
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
}


def parse_row_condition(text: str) -> list[Node]:
    """Read a condition on rows.

    Parameters
    ----------
    text : str
        Clauses separated by commas; see `gpupept.tracking.Condition`.

    Returns
    -------
    list of Node
        The clauses, each with a truth value for all rows.

    Raises
    ------
    ConditionError
        If it is not a condition.
    """
    return _parse(text, whole_samples=False)


def parse_sample_condition(text: str) -> list[Node]:
    """Read a condition on whole samples; see `gpupept.tracking.SamplesCondition`.

    Parameters
    ----------
    text : str
        Clauses separated by commas.

    Returns
    -------
    list of Node
        The clauses, each with one truth value for a sample.

    Raises
    ------
    ConditionError
        If it is not a condition.
    """
    return _parse(text, whole_samples=True)


def _parse(text: str, whole_samples: bool) -> list[Node]:
    clauses = []
    for first, end in clauses_of(text):
        node = _Reader(text, first, end, whole_samples).read()
        if not node.logical:
            raise refusal(text, first, "this is a number; compare it with something")
        if whole_samples and node.level == ROW:
            raise refusal(
                text,
                first,
                "this has a value for each row; make it one for each sample with np.all(...), "
                "np.any(...), np.mean(...) or alike",
            )
        clauses.append(node)
    return clauses


class _Reader:
    """Turns the syntax tree of one clause into nodes."""

    def __init__(self, text: str, first: int, end: int, whole_samples: bool) -> None:
        self.text, self.first, self.end = text, first, end
        self.whole_samples = whole_samples
        self.depth = 0

    def read(self) -> Node:
        clause = "".join(" " if c.isspace() else c for c in self.text[self.first : self.end])
        self.source = f"({clause})"
        try:
            tree = ast.parse(self.source, mode="eval")
        except SyntaxError as error:
            where = min(self.first + (error.offset or 2) - 2, self.end)
            problem = "invalid syntax; is an operator missing, or '=' in place of '=='?"
            raise refusal(self.text, where, problem) from None
        except (RecursionError, MemoryError):
            raise refusal(self.text, self.first, "it is nested too deeply") from None
        return self.node(tree.body)

    def position(self, tree: Any) -> int:
        """Place in the text; syntax trees count bytes of the source with its added bracket."""
        before = self.source.encode()[: tree.col_offset].decode()
        return self.first + len(before) - 1

    def refuse(self, tree: Any, problem: str) -> ConditionError:
        return refusal(self.text, self.position(tree), problem)

    def node(self, tree: ast.expr) -> Node:
        readers: dict[type, Callable[[Any], Node]] = {
            ast.Constant: self.constant,
            ast.Name: self.name,
            ast.Attribute: self.attribute,
            ast.Subscript: self.subscript,
            ast.UnaryOp: self.unary,
            ast.BinOp: self.binary,
            ast.BoolOp: self.junction,
            ast.Compare: self.comparison,
            ast.Call: self.function,
        }
        reader = readers.get(type(tree))
        if reader is None:
            what = type(tree).__name__
            raise self.refuse(tree, f"conditions have no such expression ({what}); {CALLABLE}")
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.refuse(tree, f"operations are more than {DEEPEST} deep")
        found = reader(tree)
        self.depth -= 1
        return found

    def number(self, tree: ast.expr) -> Node:
        return as_number(self.node(tree))

    def condition(self, tree: ast.expr, what: str) -> Node:
        found = self.node(tree)
        if not found.logical:
            raise self.refuse(
                tree, f"{what} joins conditions, this is a number; put comparisons in brackets"
            )
        return found

    # ---- Values

    def constant(self, tree: ast.Constant) -> Node:
        if isinstance(tree.value, bool):
            return Constant(float(tree.value), logical=True)
        if isinstance(tree.value, int | float):
            value = float(tree.value)
            if not math.isfinite(value):
                raise self.refuse(tree, "this number is too large")
            return Constant(value)
        if isinstance(tree.value, str) and tree.value.strip():
            return Column(tree.value.strip())
        raise self.refuse(tree, "the name of a column is missing here")

    def name(self, tree: ast.Name) -> Node:
        if tree.id == "np":
            raise self.refuse(tree, "np must be followed by the name of a function")
        if not self.whole_samples:
            return Column(tree.id)
        if tree.id == "sample_size":
            return SampleSize()
        raise self.refuse(
            tree, f"write columns in quotes, '{tree.id}'; the only name here is sample_size"
        )

    def attribute(self, tree: ast.Attribute) -> Node:
        name = self.numpy_name(tree)
        if name not in CONSTANTS:
            raise self.refuse(tree, f"np.{name} must be called with arguments")
        return Constant(CONSTANTS[name])

    def subscript(self, tree: ast.Subscript) -> Node:
        """Read ``sample['x']``, another way to write the column x."""
        owner, key = tree.value, tree.slice
        named = isinstance(owner, ast.Name) and owner.id == "sample"
        if not named or not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            raise self.refuse(
                tree, f"the only element there is is a column, such as 'x' or '0'; {CALLABLE}"
            )
        return self.constant(key)

    # ---- Operations

    def unary(self, tree: ast.UnaryOp) -> Node:
        if isinstance(tree.op, ast.Invert | ast.Not):
            what = "not" if isinstance(tree.op, ast.Not) else "~"
            return call("logical_not", self.condition(tree.operand, what), logical=True)
        operand = self.number(tree.operand)
        if isinstance(tree.op, ast.UAdd):
            return operand
        if isinstance(operand, Constant):
            return Constant(-operand.value)
        return call("negative", operand)

    def binary(self, tree: ast.BinOp) -> Node:
        logical = _LOGICAL.get(type(tree.op))
        if logical is not None:
            sign = {"logical_and": "&", "logical_or": "|", "logical_xor": "^"}[logical]
            sides = [self.condition(side, sign) for side in (tree.left, tree.right)]
            return call(logical, *sides, logical=True)
        if not isinstance(tree.op, ast.Pow) and type(tree.op) not in _ARITHMETIC:
            raise self.refuse(tree.right, f"conditions do not shift bits; {CALLABLE}")
        left, right = self.number(tree.left), self.number(tree.right)
        if isinstance(tree.op, ast.Pow):
            return self.power(tree, left, right)
        return call(_ARITHMETIC[type(tree.op)], left, right)

    def power(self, tree: ast.BinOp, base: Node, exponent: Node) -> Node:
        if base.level == CONSTANT:
            raise self.refuse(tree, "powers of numbers are not worked out; write the result")
        if not isinstance(exponent, Constant) or abs(exponent.value) > LARGEST_EXPONENT:
            raise self.refuse(
                tree.right, f"an exponent must be a number of at most {LARGEST_EXPONENT}"
            )
        return call("power", base, exponent)

    def junction(self, tree: ast.BoolOp) -> Node:
        what = "and" if isinstance(tree.op, ast.And) else "or"
        sides = [self.condition(value, what) for value in tree.values]
        return call(_LOGICAL[type(tree.op)], *sides, logical=True)

    def comparison(self, tree: ast.Compare) -> Node:
        operands = tuple(self.number(item) for item in (tree.left, *tree.comparators))
        functions = tuple(_COMPARED[type(op)] for op in tree.ops)
        return Comparison(functions, operands, max(item.level for item in operands))

    # ---- Functions

    def numpy_name(self, tree: ast.Attribute) -> str:
        if not isinstance(tree.value, ast.Name) or tree.value.id != "np":
            raise self.refuse(tree, f"only np has attributes here, its functions; {CALLABLE}")
        return tree.attr

    def function(self, tree: ast.Call) -> Node:
        name = self.called(tree.func)
        for item in tree.args:
            if isinstance(item, ast.Starred):
                raise self.refuse(item, "arguments cannot be unpacked here")
        if name == "len":
            return self.length(tree)
        if name in REDUCTIONS:
            return self.reduction(tree, name)
        if name == "clip":
            value, low, high = self.operands(tree, name, Signature((False, False, False)))
            return call("minimum", call("maximum", value, low), high)
        if name not in FUNCTIONS:
            raise self.refuse(tree, f"conditions have no function np.{name}; {CALLABLE}")
        signature = FUNCTIONS[name]
        operands = self.operands(tree, name, signature)
        found = call(name, *operands, logical=signature.logical)
        options = tuple(self.option(item, name) for item in tree.keywords)
        return Call(found.function, found.operands, found.level, found.logical, options)

    def called(self, tree: ast.expr) -> str:
        if isinstance(tree, ast.Attribute):
            return self.numpy_name(tree)
        if isinstance(tree, ast.Name) and tree.id in ("abs", "len"):
            return tree.id
        raise self.refuse(tree, f"only functions of np, abs and len can be called; {CALLABLE}")

    def length(self, tree: ast.Call) -> Node:
        """Read ``len(sample)``, or of a column."""
        argument = tree.args[0] if len(tree.args) == 1 and not tree.keywords else None
        if not (isinstance(argument, ast.Name) and argument.id in ("sample", "data")) and not (
            isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        ):
            raise self.refuse(tree, "len takes sample, or a column in quotes")
        return SampleSize()

    def reduction(self, tree: ast.Call, name: str) -> Node:
        function, logical = REDUCTIONS[name]
        wanted = 2 if function == "quantile" else 1
        if len(tree.args) != wanted or tree.keywords:
            raise self.refuse(tree, f"np.{name} takes {wanted} argument(s) here")
        operand = self.node(tree.args[0])
        if operand.level != ROW:
            raise self.refuse(tree.args[0], f"np.{name} takes what has a value for each row")
        operand = as_condition(operand) if logical else as_number(operand)
        if function != "quantile":
            return Reduction(function, operand, logical)
        fraction = self.node(tree.args[1])
        if not isinstance(fraction, Constant) or not 0.0 <= fraction.value <= 1.0:
            raise self.refuse(tree.args[1], "np.quantile takes a number from 0 to 1")
        return Reduction(function, operand, logical, fraction.value)

    def operands(self, tree: ast.Call, name: str, signature: Signature) -> list[Node]:
        if len(tree.args) != len(signature.takes):
            raise self.refuse(
                tree, f"np.{name} takes {len(signature.takes)} argument(s), not {len(tree.args)}"
            )
        if tree.keywords and name not in OPTIONS:
            raise self.refuse(tree.keywords[0], f"np.{name} takes no keywords here")
        return [
            self.condition(item, f"np.{name}") if condition else self.number(item)
            for item, condition in zip(tree.args, signature.takes, strict=True)
        ]

    def option(self, tree: ast.keyword, name: str) -> tuple[str, float]:
        value = self.node(tree.value)
        if tree.arg not in OPTIONS[name] or not isinstance(value, Constant):
            raise self.refuse(
                tree, f"np.{name} takes the keywords {', '.join(OPTIONS[name])}, and numbers"
            )
        return tree.arg, value.value
