"""`numpy.allclose` of numbers and of nested sequences of them, without numpy.

That is `|a - b| <= atol + rtol * |b|`, element by element.
"""

import math
from typing import Any

Array = tuple[tuple[int, ...], list[Any]]

# What fits into numpy's integers. In an array a larger one makes it one of objects, of which numpy does not say whether
# they are finite.
SMALLEST, LARGEST = -(2**63), 2**64 - 1


def all_close(given: Any, expected: Any, rtol: float, atol: float) -> bool:
    """Raises TypeError or ValueError where numpy does: for what are no numbers, and for shapes that do not fit."""
    shape_a, shape_b = shape_of(given), shape_of(expected)
    flat_a, flat_b = numbers_in(given), numbers_in(expected)
    shape = broadcast(shape_a, shape_b)
    return all(
        is_close(flat_a[place(index, shape, shape_a)], flat_b[place(index, shape, shape_b)], rtol, atol)
        for index in range(math.prod(shape))
    )


def is_close(a: Any, b: Any, rtol: float, atol: float) -> bool:
    """Of two numbers; those that are not finite are only close to equal ones."""
    a, b = (one if isinstance(one, complex) else float(one) for one in (a, b))
    if is_finite(a) and is_finite(b):
        try:
            return abs(a - b) <= atol + rtol * abs(b)
        except OverflowError:
            return False
    return a == b


def is_finite(number: Any) -> bool:
    """Neither infinite nor NaN, in any part of it."""
    return math.isfinite(number.real) and math.isfinite(number.imag)


def shape_of(value: Any) -> tuple[int, ...]:
    """The sizes that numpy's array would have. Raises ValueError where there is no such array."""
    if not isinstance(value, (list, tuple)):
        return ()
    shapes = {shape_of(one) for one in value}
    if len(shapes) > 1:
        raise ValueError("not all of the same shape")
    return (len(value), *(shapes.pop() if shapes else ()))


def numbers_in(value: Any) -> list[Any]:
    """The elements in their order. Raises TypeError for what numpy has no numbers for."""
    if isinstance(value, (list, tuple)):
        numbers = [number for one in value for number in numbers_in(one)]
        if any(isinstance(one, int) and not SMALLEST <= one <= LARGEST for one in numbers):
            raise TypeError("too large")
        return numbers
    if not isinstance(value, (bool, int, float, complex)):
        raise TypeError("not a number")
    return [value]


def broadcast(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that both are stretched to. Raises ValueError where they do not fit."""
    rank = max(len(one), len(other))
    pairs = zip((1,) * (rank - len(one)) + one, (1,) * (rank - len(other)) + other, strict=True)
    shape = []
    for a, b in pairs:
        if a != b and 1 not in (a, b):
            raise ValueError("shapes do not fit")
        shape.append(b if a == 1 else a)
    return tuple(shape)


def place(index: int, shape: tuple[int, ...], own: tuple[int, ...]) -> int:
    """Where in an array of the shape `own` the element stands that is the `index`th of the whole."""
    position, step = 0, 1
    for size, own_size in zip(reversed(shape), reversed((1,) * (len(shape) - len(own)) + own), strict=True):
        position += (index % size) * step if own_size != 1 else 0
        step *= own_size
        index //= size
    return position
