"""What is raised for a condition that cannot be read."""

from __future__ import annotations

CONTEXT = 40  # characters shown on either side of the problem


class ConditionError(ValueError):
    """A condition that is not part of the language, or too large.

    Attributes
    ----------
    position : int
        Where the problem is, counted in characters from 0.

    Examples
    --------
    >>> from gpupept.tracking import Condition
    >>> try:
    ...     Condition("error < 15, __import__('os')")
    ... except ValueError as error:
    ...     print(error)
    condition refused at column 13: the name '__import__' is not allowed
        error < 15, __import__('os')
                    ^
    """

    position: int = 0


def refusal(text: str, position: int, problem: str) -> ConditionError:
    """Make the error for a problem at a position (from 0) of a condition, with an excerpt of it."""
    position = min(max(position, 0), len(text))
    first = max(position - CONTEXT, 0)
    shown = text[first : position + CONTEXT]
    line = "".join(letter if letter.isprintable() else " " for letter in shown)
    error = ConditionError(
        f"condition refused at column {position + 1}: {problem}\n"
        f"    {line}\n    {' ' * (position - first)}^"
    )
    error.position = position
    return error
