"""Makes answers to problems that have LiveCodeBench's form.

One of them knows what each test expects, and many go wrong on the way.

python livecodebench_answers.py DATA_FILE > answers.jsonl
"""

import base64
import json
import pickle
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

READ = (
    ("sys.stdin.read", "import sys\ntext = sys.stdin.read()"),
    (
        "input",
        "lines = []\nwhile True:\n    try:\n        lines.append(input())\n    except EOFError:\n"
        "        break\ntext = chr(10).join(lines)",
    ),
    ("readlines", "import sys\ntext = ''.join(sys.stdin.readlines())"),
    (
        "readline",
        "import sys\nlines = []\nwhile True:\n    line = sys.stdin.readline()\n"
        "    if not line: break\n    lines.append(line)\ntext = ''.join(lines)",
    ),
    ("iteration", "import sys\ntext = ''.join(line for line in sys.stdin)"),
    ("stdin by name", "from sys import stdin\ntext = stdin.read()"),
    (
        "readline by name",
        "from sys import stdin\nlines = []\ntry:\n    while True: lines.append(stdin.readline())\n"
        "except Exception: pass\ntext = chr(10).join(lines)",
    ),
    ("buffer", "import sys\ntext = sys.stdin.buffer.read().decode()"),
    ("buffer lines", "import sys\ntext = b''.join(sys.stdin.buffer.readlines()).decode()"),
    ("open(0)", "text = open(0).read()"),
    ("fileinput", "import fileinput\ntext = ''.join(fileinput.input())"),
    ("os.read", "import os\ntext = os.read(0, 1 << 20).decode()"),
)
WRITE = (
    ("print", "print(out)"),
    ("no line end", "print(out, end='')"),
    ("write", "import sys\nsys.stdout.write(out)"),
    ("buffer", "import sys\nsys.stdout.buffer.write(out.encode())"),
    ("white space", "print('  ' + out.replace(chr(10), '  ' + chr(10)) + chr(10) * 3)"),
    ("blank line", "print(out.replace(chr(10), chr(10) * 2))"),
    ("upper", "print(out.upper() + 'x')"),
    (
        "decimals",
        "print(chr(10).join(' '.join(w + ('0' if '.' in w else '.0') "
        "if w.lstrip('-').replace('.', '').isdigit() else w for w in l.split()) "
        "for l in out.split(chr(10))))",
    ),
    (
        "exponent",
        "print(chr(10).join(' '.join(format(float(w), '.10e') "
        "if w.lstrip('-').replace('.', '').isdigit() else w for w in l.split()) "
        "for l in out.split(chr(10))))",
    ),
    (
        "near",
        "print(chr(10).join(' '.join(str(float(w) + 1e-9) "
        "if w.lstrip('-').replace('.', '').isdigit() else w for w in l.split()) "
        "for l in out.split(chr(10))))",
    ),
    ("nothing", "pass"),
    ("one more", "print(out)\nprint('end')"),
    ("stdout by name", "stdout.write(out)"),
    ("os.write", "import os\nos.write(1, out.encode())"),
    ("stderr", "import sys\nprint(out)\nprint('note', file=sys.stderr)"),
)
AFTER = (
    ("exit", "print(out)\nexit()"),
    ("sys.exit", "print(out)\nimport sys\nsys.exit(1)"),
    ("os._exit", "print(out)\nimport os\nos._exit(0)"),
    ("raises", "print(out)\nraise ValueError('no')"),
    ("interrupt", "print(out)\nraise KeyboardInterrupt"),
    ("quit", "print(out)\nquit()"),
    ("kill", "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nprint(out)"),
    ("closes", "import sys\nprint(out)\nsys.stdout.close()"),
)
WHOLE = (
    ("syntax error", "print("),
    ("unknown import", "import nothing_of_that_name\nprint(1)"),
    ("empty function", "# nothing"),
    ("global", "count = 0\ndef up():\n    global count\n    count += 1\nup()\nprint(count)"),
    ("star import", "def f():\n    pass\nfrom math import *\nprint(floor(2.5))"),
    ("recursion", "def down(n):\n    return 0 if n == 0 else 1 + down(n - 1)\nprint(down(20000))"),
    ("endless", "while True:\n    pass"),
    ("endless, caught", "while True:\n    try:\n        while True: pass\n    except Exception: break\nprint(1)"),
)
CALLS = (
    ("returns", "return right(args)"),
    ("tuple", "r = right(args); return tuple(r) if isinstance(r, list) else r"),
    (
        "tuples within",
        "r = right(args); return [tuple(x) if isinstance(x, list) else x for x in r] if isinstance(r, list) else r",
    ),
    ("float", "r = right(args); return float(r) if isinstance(r, (int, float)) else r"),
    ("near", "r = right(args); return r + 1e-9 if isinstance(r, float) else r"),
    ("text", "return str(right(args))"),
    ("numpy", "import numpy as np; r = right(args); return np.array(r) if isinstance(r, list) else np.float64(r)"),
    ("prints", "print('x'); return right(args)"),
    ("exit", "import sys; sys.exit()"),
    ("raises", "raise ValueError"),
    ("none", "return None"),
    ("generator", "return iter(right(args)) if isinstance(right(args), list) else right(args)"),
    ("changes", "r = right(args); [a.clear() for a in args if isinstance(a, list)]; return r"),
    ("kin", "r = right(args); return type('Kin', (type(r),), {})(r)"),
    ("any equal", "return type('Any', (), {'__eq__': lambda *_: True})()"),
)


def tests_of(row: dict[str, Any]) -> list[dict[str, str]]:
    """The tests of a problem, the hidden ones last. Only for data that one made oneself or trusts."""
    hidden = row["private_test_cases"]
    try:
        private = json.loads(hidden)
    except ValueError:
        # LiveCodeBench publishes them in this form.
        private = json.loads(pickle.loads(zlib.decompress(base64.b64decode(hidden))))  # noqa: S301
    return json.loads(row["public_test_cases"]) + private


def answers_to(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The answers to a problem, each with its kind."""
    tests = tests_of(row)
    name = json.loads(row["metadata"]).get("func_name")
    if name is None:
        known = {" ".join(one["input"].split()): one["output"].rstrip("\n") for one in tests}
        look = f"\nknown = {known!r}\nout = known.get(' '.join(text.split()), 'unknown')\n"
        first, plain = READ[0][1], WRITE[0][1]
        for kind, read in READ:
            yield f"reads by {kind}", f"{read}{look}{plain}"
        for kind, write in (*WRITE, *AFTER):
            yield f"writes: {kind}", f"{first}{look}{write}"
        body = (first + look + plain).replace("\n", "\n    ")
        yield "main", f"def main():\n    {body}\n\nif __name__ == '__main__':\n    main()"
        yield "main, unusual", f"def main():\n    {body}\n\nif '__main__' == __name__:\n    main()"
        yield "class", f"class Solution:\n    pass\n{first}{look}{plain}"
        yield from WHOLE
        return
    known = {
        json.dumps([json.loads(line) for line in one["input"].split("\n")]): json.loads(one["output"]) for one in tests
    }
    table = (
        f"import json\nknown = {known!r}\ndef right(args):\n"
        "    import copy\n    return copy.deepcopy(known[json.dumps(list(args))])\n"
    )
    for kind, body in CALLS:
        yield kind, f"{table}class Solution:\n    def {name}(self, *args):\n        {body}\n"
    yield "bare function", f"{table}def {name}(*args):\n    return right(args)\n"
    yield (
        "typed",
        f"{table}class Solution:\n    def {name}(self, *args: List[Optional[int]]) -> Dict[str, int]:\n"
        "        return right(args)\n",
    )
    yield "no such function", f"{table}class Solution:\n    pass\n"
    yield "syntax error", "class Solution(:"
    yield (
        "main",
        f"{table}class Solution:\n    def {name}(self, *args):\n        return right(args)\n"
        "if __name__ == '__main__':\n    1 / 0\n",
    )


def main(data_file: str) -> None:
    """Prints the answers, a JSON object a line."""
    with Path(data_file).open(encoding="utf-8") as file:
        for row in map(json.loads, file):
            for kind, solution in answers_to(row):
                print(json.dumps({"task_id": row["question_id"], "solution": solution, "kind": kind}))


if __name__ == "__main__":
    main(sys.argv[1])
