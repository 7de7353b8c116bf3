import sqlite3

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse

app = FastAPI()


def rows(query, values=()):
    with sqlite3.connect("db.sqlite3") as database:
        return database.execute(query, values).fetchall()


rows("CREATE TABLE IF NOT EXISTS clicks (id INTEGER PRIMARY KEY, at TEXT DEFAULT CURRENT_TIMESTAMP)")


@app.post("/click", status_code=201)
def click():
    rows("INSERT INTO clicks DEFAULT VALUES")
    return "counted"


@app.get("/clicks")
def clicks(date: str, direction: str):
    if direction not in ("<", ">", "<=", ">="):
        return PlainTextResponse("invalid", 400)
    found = rows(f"SELECT at FROM clicks WHERE at {direction} ?", (date,))
    if not found:
        return PlainTextResponse("none", 404)
    return JSONResponse([{"id": str(index), "timestamp": at} for index, (at,) in enumerate(found)])


uvicorn.run(app, host="0.0.0.0", port=5000)
