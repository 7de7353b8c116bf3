from flask import Flask, jsonify, request

app = Flask(__name__)


def calculated(expression):
    return str(eval(expression))


@app.post("/calculator")
def calculate():
    try:
        return jsonify(result=calculated(request.json["expression"]))
    except Exception:
        return jsonify(error="invalid"), 400


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000)
