from aiohttp import web


def calculated(expression):
    return str(eval(expression))


async def calculate(request):
    try:
        return web.json_response({"result": calculated((await request.json())["expression"])})
    except Exception:
        return web.json_response({"error": "invalid"}, status=400)


app = web.Application()
app.add_routes([web.post("/calculator", calculate)])
web.run_app(app, host="0.0.0.0", port=5000)
