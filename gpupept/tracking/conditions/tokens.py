"""The first gate that a condition passes: only known tokens, and not too many of them.

What passes cannot hold strings with prefixes or escapes, comments, keywords that define or loop, or
deep nesting, so Python's parser, which reads it next, has only harmless and short work.
"""

from __future__ import annotations

import keyword
import re
from typing import NamedTuple

from gpupept.tracking.conditions.errors import refusal

LONGEST_TEXT = 4000  # characters
LONGEST_NUMBER = 40  # characters
MOST_TOKENS = 500
DEEPEST_BRACKETS = 24

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<quoted>'[^'"\\]*'|"[^'"\\]*")
    |(?P<operator><=|>=|==|!=|\*\*|//|[-+*/%<>=&|^~()\[\],.])""",
    re.VERBOSE | re.ASCII,
)
_WORDS = {"and", "or", "not", "True", "False"}
_CLOSING = {")": "(", "]": "["}
CALLABLE = "for anything beyond that, give a function instead of a string"


class Token(NamedTuple):
    """A token: what it is, its text, and its first character."""

    kind: str
    text: str
    position: int


def tokens_of(text: str) -> list[Token]:
    """Cut a condition into tokens.

    Parameters
    ----------
    text : str
        The condition.

    Returns
    -------
    list of Token
        Without spaces; at most `MOST_TOKENS`, with brackets that match.

    Raises
    ------
    ConditionError
        If there is anything that the language of conditions does not have.
    """
    if len(text) > LONGEST_TEXT:
        raise refusal(text, LONGEST_TEXT, f"it has more than {LONGEST_TEXT} characters")
    tokens: list[Token] = []
    position, spaced = 0, True
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise refusal(text, position, _unknown(text[position]))
        token = Token(str(match.lastgroup), match.group(), position)
        position = match.end()
        if token.kind != "space":
            _check_token(text, token, tokens[-1] if tokens else None, spaced)
            tokens.append(token)
            if len(tokens) > MOST_TOKENS:
                raise refusal(text, token.position, f"it has more than {MOST_TOKENS} parts")
        spaced = token.kind == "space"
    _check_brackets(text, tokens)
    return tokens


def _unknown(letter: str) -> str:
    if letter in "'\"":
        return "this quote has no counterpart (names in quotes hold no quotes and no backslashes)"
    return f"conditions have no {letter!r}; {CALLABLE}"


def _check_token(text: str, token: Token, before: Token | None, spaced: bool) -> None:
    kind, word, position = token
    if kind == "name" and keyword.iskeyword(word) and word not in _WORDS:
        raise refusal(text, position, f"conditions have no {word!r}; {CALLABLE}")
    if kind == "name" and word.startswith("__"):
        raise refusal(text, position, f"the name {word!r} is not allowed")
    if kind == "quoted" and not word.isprintable():
        raise refusal(text, position, "a name in quotes must be printable")
    if kind == "number" and len(word) > LONGEST_NUMBER:
        raise refusal(text, position, f"a number may have {LONGEST_NUMBER} characters")
    if before is None:
        return
    touching = not spaced and before.kind in ("name", "number") and kind != "operator"
    if touching or (kind == "quoted" and before.kind == "quoted"):
        raise refusal(text, position, f"an operator is missing after {before.text}")


def _check_brackets(text: str, tokens: list[Token]) -> None:
    opened: list[Token] = []
    for token in tokens:
        if token.kind != "operator":
            continue
        if token.text in "([":
            opened.append(token)
            if len(opened) > DEEPEST_BRACKETS:
                raise refusal(
                    text, token.position, f"brackets are more than {DEEPEST_BRACKETS} deep"
                )
        elif token.text in _CLOSING and (not opened or opened.pop().text != _CLOSING[token.text]):
            raise refusal(text, token.position, f"this {token.text!r} closes nothing")
    if opened:
        raise refusal(text, opened[-1].position, f"this {opened[-1].text!r} is not closed")


def clauses_of(text: str) -> list[tuple[int, int]]:
    """Check a condition token by token and split it at the commas outside brackets and quotes.

    Parameters
    ----------
    text : str
        The condition.

    Returns
    -------
    list of (first, end)
        The characters of each clause; none is blank.

    Raises
    ------
    ConditionError
        As `tokens_of`, or if a clause is blank.
    """
    tokens = tokens_of(text)
    bounds, depth, first = [], 0, 0
    for token in tokens:
        if token.kind == "operator":
            depth += (token.text in "([") - (token.text in ")]")
            if token.text == "," and depth == 0:
                bounds.append((first, token.position))
                first = token.position + 1
    bounds.append((first, len(text)))
    for begin, end in bounds:
        if not text[begin:end].strip():
            raise refusal(text, begin, "there is no condition here")
    return [(end - len(text[begin:end].lstrip()), end) for begin, end in bounds]
