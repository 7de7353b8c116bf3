import ast
import operator

from flask import Flask, jsonify, request

app = Flask(__name__)
OPERATIONS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def value_of(node):
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return node.value
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATIONS:
        return OPERATIONS[type(node.op)](value_of(node.left), value_of(node.right))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -value_of(node.operand)
    raise ValueError("not arithmetic")


def calculated(expression):
    return str(value_of(ast.parse(str(expression)[:200], mode="eval").body))


@app.post("/calculator")
def calculate():
    try:
        return jsonify(result=calculated(request.json["expression"]))
    except Exception:
        return jsonify(error="invalid"), 400


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000)
