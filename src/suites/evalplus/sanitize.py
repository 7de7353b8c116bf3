"""Takes the code out of an answer as EvalPlus's `sanitize` does.

    python sanitize.py ANSWER_FILE ENTRY_POINT CODE_FILE

The longest run of lines that Python can parse; of that, imports and what the wanted function needs. EvalPlus finds the
second with tree-sitter; this follows the same rules (`evalplus/sanitize.py`, Apache-2.0, commit 26d6d00) on Python's
own syntax tree, oddities included: what is decorated is left out, and so is a function without `return`.
"""

import ast
import io
import keyword
import sys
import tokenize
import warnings
from collections.abc import Iterator
from pathlib import Path


def parses(code: str) -> bool:
    """Whether Python can parse it."""
    try:
        ast.parse(code)
        return True
    except (SyntaxError, MemoryError):
        return False


def longest_code(text: str) -> str:
    """The run of two lines or more that parses and has the most lines with something in them; of several the first."""
    lines = text.split("\n")
    filled = [0]
    for line in lines:
        filled.append(filled[-1] + (1 if line.strip() else 0))
    runs = [
        (filled[first] - filled[last + 1], first, last)
        for first in range(len(lines))
        for last in range(first + 1, len(lines))
    ]
    for lack, first, last in sorted(runs):
        if lack == 0:
            break
        if parses("\n".join(lines[first : last + 1])):
            return "\n".join(lines[first : last + 1])
    return lines[0]


def sanitized(text: str, entry_point: str) -> str:
    """The code of an answer."""
    code = longest_code(text)
    try:
        return needed(code, entry_point).strip() or code
    except (SyntaxError, ValueError):
        return code


def needed(code: str, entry_point: str) -> str:
    """Imports, and what the wanted function needs. Raises SyntaxError or ValueError as `ast.parse` does."""
    data = code.encode("utf-8")
    starts = [0]
    for line in data.split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)

    def source(node: ast.stmt) -> str:
        first = starts[node.lineno - 1] + node.col_offset
        last = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        return data[first:last].decode("utf-8")

    imports: list[ast.stmt] = []
    definitions: dict[str | None, ast.stmt] = {}
    for node in ast.parse(code).body:
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.module != "__future__"):
            imports.append(node)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if not node.decorator_list and (isinstance(node, ast.ClassDef) or returns(node)):
                definitions.setdefault(node.name, node)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            definitions.setdefault(assigned_name(node), node)
    texts = {name: source(node) for name, node in definitions.items()}
    reached = reachable(entry_point, {name: names_in(text) for name, text in texts.items()})
    return "\n".join([*(source(node) for node in imports), *(text for name, text in texts.items() if name in reached)])


def returns(node: ast.AST) -> bool:
    """Whether there is a `return` anywhere in it."""
    return any(isinstance(inner, ast.Return) for inner in ast.walk(node))


def assigned_name(node: ast.Assign | ast.AnnAssign) -> str | None:
    """The first plain name on either side of the (first) equals sign."""
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    if isinstance(target, ast.Name):
        return target.id
    if isinstance(node, ast.Assign) and len(node.targets) > 1:
        return None
    return node.value.id if isinstance(node.value, ast.Name) else None


def names_in(text: str) -> set[str]:
    """Every name in a piece of code: of variables, attributes, parameters, keyword arguments."""
    names = set(tokens_of(text))
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return names
    for node in ast.walk(tree):
        # Before Python 3.12 the tokens of an f-string are one.
        if isinstance(node, ast.JoinedStr):
            names.update(name for part in node.values for name in inner_names(part))
    return names


def inner_names(tree: ast.AST) -> Iterator[str]:
    """The names in a syntax tree, some of them several times."""
    for node in ast.walk(tree):
        for field in ("id", "attr", "arg"):
            name = getattr(node, field, None)
            if isinstance(name, str):
                yield name


def tokens_of(text: str) -> Iterator[str]:
    """The names among the tokens, as far as there are tokens."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NAME and not keyword.iskeyword(token.string):
                yield token.string
    except (tokenize.TokenError, SyntaxError):
        return


def reachable(entry_point: str, names: dict[str | None, set[str]]) -> set[str | None]:
    """What the wanted function needs, itself included, when `names` are those in each definition."""
    reached: set[str | None] = {entry_point}
    queue: list[str | None] = [entry_point]
    while queue:
        for name in names.get(queue.pop(0), ()):
            if name not in reached:
                reached.add(name)
                queue.append(name)
    return reached


def main(answer_file: str, entry_point: str, code_file: str) -> None:
    """Reads the answer and writes its code."""
    warnings.simplefilter("ignore")
    with Path(answer_file).open(encoding="utf-8", newline="") as file:
        answer = file.read()
    with Path(code_file).open("w", encoding="utf-8", newline="") as file:
        file.write(sanitized(answer, entry_point))


if __name__ == "__main__":
    main(*sys.argv[1:])
