"""The functions that conditions may use, all of them of the array library and without side effects."""

from __future__ import annotations

from typing import NamedTuple


class Signature(NamedTuple):
    """What a function takes: for each argument whether it is a condition; and what it returns."""

    takes: tuple[bool, ...]
    logical: bool = False


_ONE, _TWO = Signature((False,)), Signature((False, False))
_TEST, _COMPARE = Signature((False,), True), Signature((False, False), True)

FUNCTIONS: dict[str, Signature] = {
    **dict.fromkeys(["abs", "absolute", "fabs", "negative", "positive", "sign"], _ONE),
    **dict.fromkeys(["floor", "ceil", "trunc", "rint", "round"], _ONE),
    **dict.fromkeys(["sqrt", "cbrt", "square", "reciprocal"], _ONE),
    **dict.fromkeys(["exp", "exp2", "expm1", "log", "log2", "log10", "log1p"], _ONE),
    **dict.fromkeys(["sin", "cos", "tan", "arcsin", "arccos", "arctan"], _ONE),
    **dict.fromkeys(["sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"], _ONE),
    **dict.fromkeys(["deg2rad", "rad2deg", "degrees", "radians"], _ONE),
    **dict.fromkeys(["add", "subtract", "multiply", "divide", "true_divide"], _TWO),
    **dict.fromkeys(["floor_divide", "mod", "remainder", "fmod"], _TWO),
    **dict.fromkeys(["minimum", "maximum", "fmin", "fmax"], _TWO),
    **dict.fromkeys(["hypot", "arctan2", "copysign"], _TWO),
    **dict.fromkeys(["isfinite", "isinf", "isnan", "signbit"], _TEST),
    **dict.fromkeys(["less", "less_equal", "greater", "greater_equal"], _COMPARE),
    **dict.fromkeys(["equal", "not_equal"], _COMPARE),
    **dict.fromkeys(["logical_and", "logical_or", "logical_xor"], Signature((True, True), True)),
    "logical_not": Signature((True,), True),
    "isclose": _COMPARE,
    "where": Signature((True, False, False)),
}
OPTIONS = {"isclose": ("rtol", "atol", "equal_nan")}

# Name of the reduction, and whether it is one of conditions, for each function that has one value for
# a sample.
REDUCTIONS: dict[str, tuple[str, bool]] = {
    **{name: (name, False) for name in ("sum", "mean", "std", "var", "min", "max", "median")},
    **{"amin": ("min", False), "amax": ("max", False), "quantile": ("quantile", False)},
    **{"any": ("any", True), "all": ("all", True)},
}
CONSTANTS = {
    "pi": 3.141592653589793,
    "e": 2.718281828459045,
    "inf": float("inf"),
    "nan": float("nan"),
}
