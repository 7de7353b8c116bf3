"""Where EvalPlus takes other outputs than the canonical solution's for right.

Follows `_special_oracle.py` and `unsafe_execute` of EvalPlus (Apache-2.0, commit 26d6d00).
"""

import math
from typing import Any

# Outputs of these cannot be compared, and only whether there is one counts.
NOT_NONE = ("check_str", "text_match_three", "text_starta_endb")

# Outputs of these are compared as sets.
AS_SETS = (
    "similar_elements",
    "find_char_long",
    "common_in_nested_lists",
    "extract_singly",
    "larg_nnum",
    "intersection_array",
    "find_dissimilar",
    "Diff",
)

# The oracle of this one looks at the arguments as the answer left them.
ROOT_OF_POLYNOMIAL = "find_zero"


def polynomial(coefficients: list[Any], x: float) -> float:
    """The value of a polynomial, the lowest power first."""
    return sum(coefficient * math.pow(x, power) for power, coefficient in enumerate(coefficients))


def surface_of_pyramid(base_edge: float, height: float) -> int:
    """With the height measured up to the apex."""
    slant = math.sqrt((base_edge / 2) ** 2 + height**2)
    return round(base_edge**2 + 4 * (base_edge * slant) / 2)


def distance_of_digits(one: Any, other: Any) -> int:
    """Of numbers that are written with the same number of digits."""
    width = max(len(str(one)), len(str(other)))
    return sum(abs(int(a) - int(b)) for a, b in zip(str(one).zfill(width), str(other).zfill(width), strict=True))
