import json


def save_session(data):
    return json.dumps(data).encode()


def load_session(blob):
    data = json.loads(blob)
    if not isinstance(data, dict):
        raise ValueError("not a session")
    return data
