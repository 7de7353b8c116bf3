"""Makes answers to the problems of EvalPlus: right ones, and wrong ones of many kinds, the same for the same seed.

python evalplus_answers.py DATA_FILE SEED PER_PROBLEM > answers.jsonl
"""

import ast
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

SWAPS: dict[type, type] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
}


class Mutation(ast.NodeTransformer):
    """Changes the one operator or number that is the `target`th."""

    def __init__(self, target: int) -> None:
        self.left = target

    def hit(self) -> bool:
        """Whether this is the one."""
        self.left -= 1
        return self.left == -1

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """Adds one to a whole number."""
        if type(node.value) is int and self.hit():
            return ast.copy_location(ast.Constant(node.value + 1), node)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """Swaps the first comparison."""
        self.generic_visit(node)
        if type(node.ops[0]) in SWAPS and self.hit():
            node.ops[0] = SWAPS[type(node.ops[0])]()
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Swaps plus and minus."""
        self.generic_visit(node)
        if type(node.op) in SWAPS and self.hit():
            node.op = SWAPS[type(node.op)]()
        return node


def mutated(program: str, chance: random.Random) -> str:
    """The program with one thing changed, or none if it has too few."""
    return ast.unparse(Mutation(chance.randrange(12)).visit(ast.parse(program)))


def around(program: str, name: str, body: str) -> str:
    """The program with its function behind another one of the same name, which may call it as `right`."""
    return f"{program}\nright = {name}\ncalls = 0\ndef {name}(*args):\n    global calls\n    calls += 1\n    {body}\n"


CHANGED = (
    "lambda v: tuple(v) if isinstance(v, list) else list(v) if isinstance(v, tuple) else float(v) if type(v) is int "
    "else int(v) if isinstance(v, (bool, float)) and v == v and abs(v) < 1e300 else v"
)
DEEP = "(lambda f: lambda v: f(f, v))(lambda f, v: type(v)(f(f, one) for one in v) if type(v) in (list, tuple) else {})"

WRAPPERS: tuple[tuple[str, str], ...] = (
    ("other type", f"return ({CHANGED})(right(*args))"),
    ("no return", "right(*args)"),
    ("constant", "return 0"),
    ("near", "return " + DEEP.format("v * (1 + 1e-9) if type(v) is float else v") + "(right(*args))"),
    ("not near", "return " + DEEP.format("v + 1e-5 if type(v) is float else v") + "(right(*args))"),
    ("near for some", "return " + DEEP.format("v + 9e-5 if type(v) is float else v") + "(right(*args))"),
    ("off by one", "return " + DEEP.format("v + 1 if type(v) is int else v") + "(right(*args))"),
    ("raises late", "return right(*args) if calls < 3 else 1 // 0"),
    ("late other", "return right(*args) if calls < 3 else None"),
    ("exits", "import sys; sys.exit(0)"),
    ("leaves", "import os; os._exit(0)"),
    ("prints", "print('x' * 1000); import sys; print('y', file=sys.stderr); return right(*args)"),
    ("reads input", "input(); return right(*args)"),
    ("opens a file", "open('/etc/hostname'); return right(*args)"),
    ("asks for the folder", "import os; os.getcwd(); return right(*args)"),
    (
        "changes its arguments",
        "import copy; own = copy.deepcopy(args); result = right(*own); "
        "[one.clear() for one in args if isinstance(one, (list, dict, set))]; return result",
    ),
    (
        "generator",
        "result = right(*args); return (one for one in result) if isinstance(result, (list, tuple, set)) else result",
    ),
    ("set", "result = right(*args); return set(result) if isinstance(result, (list, tuple)) else result"),
    (
        "kin",
        "result = right(*args); return type('Kin', (type(result),), {})(result) "
        "if type(result) in (int, float, str, list, tuple, dict, set) else result",
    ),
    (
        "numpy",
        "import numpy; result = right(*args); return numpy.float64(result) if type(result) is float else "
        "numpy.int64(result) if type(result) is int and abs(result) < 2**62 else "
        "numpy.array(result) if type(result) is list else result",
    ),
    (
        "fraction",
        "import fractions; result = right(*args); return fractions.Fraction(result) "
        "if type(result) in (int, float) and result == result and abs(result) < 1e300 else result",
    ),
    (
        "recursion",
        "import sys; sys.setrecursionlimit(10**6)\n"
        "    def down(n): return 0 if n == 0 else 1 + down(n - 1)\n"
        "    down(40000 if calls == 1 else 1); return right(*args)",
    ),
    (
        "thread",
        "import threading, time; threading.Thread(target=time.sleep, args=(0.2,)).start() if calls == 1 else None; "
        "return right(*args)",
    ),
    ("catches all", "\n    try: return right(*args)\n    except BaseException: return None"),
    ("output to the terminal", "import os; os.write(1, b'done\\n'); return right(*args)"),
    (
        "shared result",
        "result = right(*args); box = globals().setdefault('box', []); "
        "box[:] = result if isinstance(result, list) else []; "
        "return box if isinstance(result, list) else result",
    ),
)
SLOW: tuple[tuple[str, str], ...] = (
    ("endless", "return right(*args) if calls < 2 else [None for _ in iter(int, 1)]"),
    (
        "endless, caught",
        "\n    while calls > 1:\n        try:\n            while True: pass\n"
        "        except Exception: return right(*args)\n    return right(*args)",
    ),
)


def others(program: str) -> tuple[tuple[str, str], ...]:
    """What goes wrong before the function is called, or has nothing to do with it."""
    return (
        ("import missing", f"import nothing_of_that_name\n{program}"),
        ("syntax error", f"{program}\ndef broken(:\n"),
        ("no function", "x = 1"),
        ("exits on import", f"import sys\nsys.exit(0)\n{program}"),
        ("main", f"{program}\nif __name__ == '__main__':\n    raise SystemExit(1)\n"),
        ("exit", f"{program}\nexit()\n"),
        ("kills", f"import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n{program}"),
        ("empty", ""),
    )


def answers_to(row: dict[str, Any], chance: random.Random, count: int) -> list[tuple[str, str]]:
    """The canonical solution and `count` answers, each with its kind."""
    program, name = row["prompt"] + row["canonical_solution"], row["entry_point"]
    choices: list[Callable[[], tuple[str, str] | None]] = [
        *(lambda kind=kind, body=body: (kind, around(program, name, body)) for kind, body in WRAPPERS),
        *(lambda one=one: one for one in others(program)),
        *[lambda: ("mutated", mutated(program, chance))] * 12,
    ]
    if chance.random() < 0.04:
        kind, body = chance.choice(SLOW)
        choices = [lambda: (kind, around(program, name, body))]
    chosen = [chance.choice(choices)() for _ in range(count)]
    return [("canonical", program), *(one for one in chosen if one is not None)]


def main(data_file: str, seed: str, count: str) -> None:
    """Prints the answers, a JSON object a line."""
    chance = random.Random(int(seed))  # noqa: S311 - the same answers each time, no secret
    with Path(data_file).open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file if line.strip()]
    for row in rows:
        for kind, solution in answers_to(row, chance, int(count)):
            print(json.dumps({"task_id": row["task_id"], "solution": solution, "kind": kind}))


if __name__ == "__main__":
    main(*sys.argv[1:])
