"""Python values as JSON, so that what a program returned can be compared in another process.

What cannot be written down becomes `Opaque`, which equals nothing: an answer that returns an object which claims to be
equal to everything gains nothing by it.
"""

import decimal
import fractions
import hashlib
from typing import Any

# How deep values may be nested; beyond it they are opaque.
DEEPEST = 200


# A longer text is carried over as its hash: all that is ever asked of one is whether it is equal.
LONGEST = 4096


class LongText:
    """A text of which only length and hash are known."""

    def __init__(self, length: int, digest: str) -> None:
        self.own = (length, digest)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, LongText) and self.own == other.own

    def __hash__(self) -> int:
        return hash(self.own)


class Opaque:
    """A value of a type that is not carried over."""

    def __init__(self, name: str) -> None:
        self.name = name


class Kin:
    """A value of a subclass, or of one that compares as a plain one does.

    It is equal to what `value` is, and of another type.
    """

    def __init__(self, name: str, value: Any) -> None:
        self.name = name
        self.value = value


PLAIN = (dict, list, tuple, set, frozenset, str, int, float, complex, bytes)


def encode(value: Any, depth: int = 0) -> Any:
    """A value as JSON. Never raises for what a program may return, but for memory that runs out."""
    kind = type(value)
    if value is None or kind in (bool, float) or (kind is int and abs(value) < 2**63):
        return value
    if kind is str:
        if len(value) <= LONGEST:
            return value
        return {"h": [len(value), hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()]}
    if depth > DEEPEST:
        return {"?": "deep"}
    try:
        if kind is int:
            # Python refuses to read or write a number of many digits in any other base.
            return {"i": hex(value)}
        if kind is list:
            return [encode(one, depth + 1) for one in value]
        if kind is tuple:
            return {"t": [encode(one, depth + 1) for one in value]}
        if kind is set:
            return {"s": [encode(one, depth + 1) for one in value]}
        if kind is frozenset:
            return {"f": [encode(one, depth + 1) for one in value]}
        if kind is dict:
            return {"d": [[encode(key, depth + 1), encode(one, depth + 1)] for key, one in value.items()]}
        if kind is complex:
            return {"c": [value.real, value.imag]}
        if kind in (bytes, bytearray):
            return {"b": value.hex()} if kind is bytes else kin(value, bytes(value), depth)
        if kind is fractions.Fraction:
            return {"q": [value.numerator, value.denominator]}
        if kind is decimal.Decimal:
            return {"m": str(value)}
        if kind in (type({}.keys()), type({}.items())):
            return kin(value, set(value), depth)
        for plain in PLAIN:
            if isinstance(value, plain):
                return kin(value, plain(value), depth)
        return numpy_value(value, depth)
    except Exception:
        return {"?": kind.__name__}


def kin(value: Any, plain: Any, depth: int) -> Any:
    """A value that is equal to `plain`, as JSON."""
    return {"k": [type(value).__name__, encode(plain, depth + 1)]}


def numpy_value(value: Any, depth: int) -> Any:
    """Numbers of numpy compare as Python's do.

    Its arrays do not: their comparison is an array, of which one cannot ask whether it is true.
    """
    module = type(value).__module__
    if module == "numpy" and getattr(value, "shape", None) == ():
        return kin(value, value.item(), depth)
    if module == "numpy" and getattr(value, "size", None) == 1:
        return {"a": encode(value.tolist(), depth + 1)}
    return {"?": type(value).__name__}


def decode(data: Any, depth: int = 0) -> Any:
    """What `encode` wrote. Whatever somebody else wrote comes out as `Opaque`."""
    if data is None or isinstance(data, (bool, int, float, str)):
        return data
    if depth > 2 * DEEPEST:
        return Opaque("deep")
    if isinstance(data, list):
        return [decode(one, depth + 1) for one in data]
    try:
        [(tag, content)] = data.items()
        return decode_tagged(tag, content, depth + 1)
    except Exception:
        return Opaque("malformed")


def decode_tagged(tag: str, content: Any, depth: int) -> Any:
    """What stands behind a tag. Raises for what `encode` does not write."""

    def each() -> list[Any]:
        return [decode(one, depth) for one in content]

    if tag == "t":
        return tuple(each())
    if tag == "s":
        return set(each())
    if tag == "f":
        return frozenset(each())
    if tag == "d":
        return {decode(key, depth): decode(one, depth) for key, one in content}
    if tag == "h":
        length, digest = content
        return LongText(length, digest)
    if tag == "i":
        return int(content, 16)
    if tag == "c":
        real, imaginary = content
        return complex(real, imaginary)
    if tag == "b":
        return bytes.fromhex(content)
    if tag == "q":
        numerator, denominator = content
        return fractions.Fraction(numerator, denominator)
    if tag == "m":
        return decimal.Decimal(content)
    if tag == "k":
        name, value = content
        return Kin(str(name), decode(value, depth))
    if tag == "a":
        return Kin("ndarray", decode(content, depth))
    return Opaque(str(content)[:60])


def plain(value: Any) -> Any:
    """The value that this one compares as, at every depth."""
    if isinstance(value, Kin):
        return plain(value.value)
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, tuple):
        return tuple(plain(one) for one in value)
    if isinstance(value, dict):
        return {plain(key): plain(one) for key, one in value.items()}
    if isinstance(value, (set, frozenset)):
        return type(value)(plain(one) for one in value)
    return value


def equal(given: Any, expected: Any) -> bool:
    """Whether a value is equal to another, as Python has it.

    An array of one element is equal to whatever holds nothing but an equal one.
    """
    if isinstance(given, Kin) and given.name == "ndarray":
        return bool(plain(only_one(given.value)) == plain(only_one(expected)))
    return bool(plain(given) == plain(expected))


def only_one(value: Any) -> Any:
    """The one element of a sequence that has no other, at every depth."""
    while isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    return value
