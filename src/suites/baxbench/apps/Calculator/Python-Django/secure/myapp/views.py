import ast
import operator
import json

from django.http import JsonResponse

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


def calculate(request):
    try:
        return JsonResponse({"result": calculated(json.loads(request.body)["expression"])})
    except Exception:
        return JsonResponse({"error": "invalid"}, status=400)
