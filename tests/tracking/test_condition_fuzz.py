"""Conditions from strangers: whatever the text, it is read or refused, quickly, and nothing is executed."""

from __future__ import annotations

import builtins
import random
import signal
import sys

import numpy as np
import pytest

from gpupept import PointData
from gpupept.tracking import Condition, ConditionError, SamplesCondition
from gpupept.tracking.conditions.tokens import LONGEST_TEXT

COUNT = 100_000
HANGING_S = 120  # after this long a test is taken to hang; it takes a tenth of that

# What reading a text may not do. Compiling is left out: it is how text becomes a syntax tree.
FORBIDDEN = {
    "exec", "import", "open", "os.system", "subprocess.Popen", "socket.__new__", "ctypes.dlopen",
    "object.__getattr__", "code.__new__", "function.__new__", "os.remove", "os.listdir",
}  # fmt: skip

COLUMNS = ["t", "x", "y", "z", "error"]
ATOMS = [
    *COLUMNS, "'x'", '"y"', "'0'", "'-1'", "1", "2.5", ".5", "1e3", "9" * 30, "np.pi", "np.inf", "True",
    "sample_size", "len(sample)", "sample['x']", "missing", "'no such column'",
]  # fmt: skip
INFIX = [
    "<", "<=", ">", ">=", "==", "!=", "+", "-", "*", "/", "//", "%", "**", "&", "|", "^", " and ", " or ",
    ",", "<<", "@", "=", ":=", " in ", " is ", " if ", " ",
]  # fmt: skip
CALLS = [
    "np.abs", "np.sqrt", "np.isfinite", "np.isclose", "np.mean", "np.median", "np.quantile", "np.any",
    "np.where", "np.clip", "abs", "len", "not ", "~", "-", "canary", "open", "eval", "exec", "print",
    "__import__", "np.load", "np.fromfile", "np.vectorize", "x.__class__", "().__class__", "getattr",
    "lambda: ", "np.linalg.inv", "np.ctypeslib.load_library", "sys.exit", "breakpoint",
]  # fmt: skip
NOISE = [
    "'", '"', "'''", "\\", "\n", "\t", "#", ";", ":", "{", "}", "[", "]", "(", ")", "@", "`", "$", "?", "!",
    "..", "...", "__", "f'{canary()}'", "b'x'", "\0", "\x0c", "\u00e9", "\u202e", "\U0001f600", "\ud800",
    "9**9**9", "1_000", "0x10", "1j", "1e999", "'a' * 9**9", "(" * 30, ")" * 30, "not " * 50, "~" * 200,
    "canary()", "[canary() for x in y]", "lambda: canary()", "yield", "await", "import os",
]  # fmt: skip


def expression(rng, depth):
    kind = rng.random()
    if depth <= 0 or kind < 0.3:
        return rng.choice(ATOMS)
    if kind < 0.7:
        return expression(rng, depth - 1) + rng.choice(INFIX) + expression(rng, depth - 1)
    if kind < 0.8:
        return "(" + expression(rng, depth - 1) + ")"
    arguments = ", ".join(expression(rng, depth - 2) for _ in range(rng.randint(0, 3)))
    return f"{rng.choice(CALLS)}({arguments})"


def text(rng):
    """An expression, sometimes with something put in, cut out or repeated."""
    found = expression(rng, rng.randint(0, 5))
    for _ in range(rng.choice([0, 0, 1, 2, 5])):
        place = rng.randint(0, len(found))
        action = rng.random()
        if action < 0.5:
            found = found[:place] + rng.choice(NOISE) + found[place:]
        elif action < 0.8:
            found = found[:place] + found[place + rng.randint(1, 6) :]
        else:
            found = found[:place] + found[: rng.randint(0, 40)] * 3 + found[place:]
    return found


class Watch:
    """Notes what the interpreter does while it is on; hooks cannot be taken away again."""

    on = False
    seen: list[str] = []


def _hook(event, arguments):
    if Watch.on and event in FORBIDDEN:
        Watch.seen.append(f"{event} {arguments!r:.80}")


sys.addaudithook(_hook)


@pytest.fixture
def calls(monkeypatch):
    """Arguments of the calls of a builtin `canary`, which there should be none of."""
    calls = []
    monkeypatch.setattr(builtins, "canary", lambda *a: calls.append(a), raising=False)
    Watch.seen.clear()
    yield calls
    Watch.on = False


@pytest.fixture(autouse=True)
def _no_hanging():
    if not hasattr(signal, "setitimer"):  # Windows
        yield
        return

    def stop(*_):
        raise TimeoutError("a condition takes too long to read")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, HANGING_S)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def read(kind, given):
    try:
        return kind(given)
    except ConditionError as error:
        if not 0 <= error.position <= len(given):
            raise
        return None


def test_the_watch_sees_what_it_should(calls):
    """Otherwise the tests below could not fail."""
    Watch.on = True
    eval("canary()", {})
    Watch.on = False
    assert calls == [()]
    assert any(event.startswith("exec") for event in Watch.seen)


@pytest.mark.filterwarnings("error")
def test_random_texts(calls):
    rng = random.Random(20240229)
    points = PointData(np.random.default_rng(0).normal(size=(6, 5)), 3, columns=COLUMNS)
    texts = [text(rng) for _ in range(COUNT)]
    Watch.on = True
    read_ones = [
        read(SamplesCondition if number % 4 == 0 else Condition, given)
        for number, given in enumerate(texts)
    ]
    Watch.on = False
    accepted = [found for found in read_ones if found is not None]
    assert calls == []
    assert Watch.seen == []
    assert 0.02 * COUNT < len(accepted) < 0.9 * COUNT  # both ways are taken
    for found in accepted[:1500]:
        try:
            kept = (
                found.fit(points)
                if isinstance(found, SamplesCondition)
                else found.fit_batch(points)
            )
        except ValueError as error:
            if "no column" not in str(error):
                raise
            continue
        assert 1 <= len(kept) <= 2
    assert calls == []


def test_random_letters(calls):
    """Nothing of a language at all."""
    rng = random.Random(1)
    letters = [chr(c) for c in range(128)] + list("\u00e9\u202e\ud800") + ["np.", "'x'", "<"] * 10
    Watch.on = True
    for _ in range(10_000):
        given = "".join(rng.choices(letters, k=rng.randint(0, 40)))
        assert read(Condition, given) is None or given.isprintable()
    Watch.on = False
    assert calls == []
    assert Watch.seen == []


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "((x)",
        "[",
        "~",
        "-",
        "not ",
        "x<",
        "x,",
        "np.abs(",
        "x[",
        "'",
        '"',
        "x(y=",
        "1",
        "9**",
        " ",
    ],
)
@pytest.mark.parametrize("ending", ["", "x x", ")" * 500, "=", " < 1"])
def test_long_and_deep_texts_take_no_time(pattern, ending):
    for count in (20, 24, 25, 200, 490, LONGEST_TEXT, 10**6):
        read(Condition, pattern * count + ending)
