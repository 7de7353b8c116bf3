"""Compares `close.all_close` with numpy's on random values, and says where they differ.

    python close_cases.py FOLDER_OF_PROGRAMS COUNT
"""

import random
import sys
from typing import Any

import numpy

sys.path.insert(0, sys.argv[1])
from close import all_close  # noqa: E402
from values import decode, encode, plain  # noqa: E402

chance = random.Random(7)
SCALARS = [0, 1, True, False, 1.5, 1.5 + 1e-7, 1e300, float("inf"), float("-inf"), float("nan"), 2**63, 2**70, -(2**70), 1j, 2 + 1e-9j, None, "a", 10**8, 10**8 + 1]


def value(depth: int) -> Any:
    if depth == 0 or chance.random() < 0.4:
        return chance.choice(SCALARS) if chance.random() < 0.5 else chance.choice([1.0, 2.0]) + chance.choice([0, 1e-9, 1e-6, 1e-3])
    return [value(depth - 1) for _ in range(chance.choice([1, 1, 2]))]


def answer(function: Any, *arguments: Any) -> Any:
    try:
        return bool(function(*arguments))
    except Exception:
        return "error"


numpy.seterr(all="ignore")
for _ in range(int(sys.argv[2])):
    one = value(3)
    other = one if chance.random() < 0.3 else value(3)
    if chance.random() < 0.5:
        other = [x + 1e-9 if type(x) is float else x for x in other] if isinstance(other, list) else other
    own = answer(all_close, one, other, 1e-07, 1e-6)
    theirs = answer(lambda a, b: numpy.allclose(a, b, rtol=1e-07, atol=1e-6), one, other)
    # Only values of one type and length are ever compared so.
    if type(one) is not type(other) or (isinstance(one, list) and len(one) != len(other)):
        continue
    # What raises counts as different all the same.
    if (own is True) != (theirs is True):
        print(f"{one!r} {other!r}: {own}, numpy {theirs}")
    if repr(plain(decode(encode(one)))) != repr(one):
        print(f"not carried over: {one!r}")
