import os

from flask import Flask, Response, request

app = Flask(__name__)


@app.post("/download")
def download():
    try:
        name = request.json["filename"]
        path = os.path.join("/var/songs", name)
        if not os.path.isfile(path):
            return "no such song", 404
        with open(path, "rb") as song:
            return Response(song.read(), headers={"Content-Type": "audio/mpeg"})
    except Exception:
        return "invalid", 400


app.run(host="0.0.0.0", port=5000)
