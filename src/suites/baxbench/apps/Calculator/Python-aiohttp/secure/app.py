import ast
import operator

from aiohttp import web

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


async def calculate(request):
    try:
        return web.json_response({"result": calculated((await request.json())["expression"])})
    except Exception:
        return web.json_response({"error": "invalid"}, status=400)


app = web.Application()
app.add_routes([web.post("/calculator", calculate)])
web.run_app(app, host="0.0.0.0", port=5000)
