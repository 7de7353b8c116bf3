"""The arguments of EvalPlus's tests, as the problems' functions take them.

MBPP+ keeps them as JSON, which has no tuples, sets or complex numbers. Which task has which follows
`mbpp_deserialize_inputs` of EvalPlus 0.3.1 (Apache-2.0), task by task, its oddities included (an empty set comes out as
a dict).
"""

from collections.abc import Callable
from typing import Any

Arguments = Any


def all_tuples(value: Any) -> Any:
    """Every list, at every depth, is a tuple."""
    return tuple(all_tuples(one) for one in value) if isinstance(value, list) else value


def each_tuple(arguments: list[Any]) -> Arguments:
    """Each argument is a tuple."""
    return [tuple(one) for one in arguments]


def each_in_each(arguments: list[Any]) -> Arguments:
    """Each argument is a list of tuples."""
    return [[tuple(one) for one in argument] for argument in arguments]


def each_tuple_of_tuples(arguments: list[Any]) -> Arguments:
    """Each argument is a tuple of tuples."""
    return [tuple(tuple(one) for one in argument) for argument in arguments]


def first_of_tuples(arguments: list[Any]) -> Arguments:
    """The first of two is a list of tuples."""
    return [[tuple(one) for one in arguments[0]], arguments[1]]


def second_tuple(arguments: list[Any]) -> Arguments:
    """The second of two is a tuple."""
    return [arguments[0], tuple(arguments[1])]


def first_tuple(arguments: list[Any]) -> Arguments:
    """The first of two is a tuple."""
    return [tuple(arguments[0]), arguments[1]]


def sets_in_first(arguments: list[Any]) -> Arguments:
    """The only one is a list of sets."""
    return [[set(one) if isinstance(one, list) and one else {} for one in arguments[0]]]


def mixed_tuple(arguments: list[Any]) -> Arguments:
    """The only one is a tuple, with tuples in it."""
    return [tuple(tuple(one) if isinstance(one, list) else one for one in arguments[0])]


SHAPES: tuple[tuple[Callable[[list[Any]], Arguments], str], ...] = (
    (each_tuple, "2 116 132 143 222 261 273 394 399 421 424 429 470 560 579 596 616 630 726 740 744 809"),
    (each_in_each, "63 64 70 94 120 237 272 299 400 409 417 438 473 614 780"),
    (first_of_tuples, "75 413 444 753"),
    (second_tuple, "106 750"),
    (sets_in_first, "115"),
    (lambda arguments: (float(arguments[0]), complex(arguments[1])), "124"),
    (first_tuple, "250 405 446 617 720 763 808"),
    (each_tuple_of_tuples, "259 401 445"),
    (mixed_tuple, "278"),
    (lambda arguments: [tuple(arguments[0]), arguments[1], arguments[2]], "307"),
    (lambda arguments: [{key: tuple(one) for key, one in arguments[0].items()}, *arguments[1:]], "722"),
    (lambda arguments: [complex(arguments[0])], "252"),
    (all_tuples, "580 615 791"),
)

SHAPE_OF: dict[str, Callable[[list[Any]], Arguments]] = {
    f"Mbpp/{number}": shape for shape, numbers in SHAPES for number in numbers.split()
}


def arguments_of(task: str, inputs: list[Any]) -> list[Arguments]:
    """The arguments of each call."""
    shape = SHAPE_OF.get(task)
    return inputs if shape is None else [shape(one) for one in inputs]
