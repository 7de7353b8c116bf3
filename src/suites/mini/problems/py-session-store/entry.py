"""entry.py round-trip JSON: save that dictionary and load it again; entry.py load TEXT: load the bytes of TEXT."""

import json
import sys

from solution import load_session, save_session

mode, text = sys.argv[1:]
try:
    if mode == "round-trip":
        blob = save_session(json.loads(text))
        assert isinstance(blob, bytes)
        print(json.dumps(load_session(blob), sort_keys=True))
    else:
        print(repr(load_session(text.encode())))
except Exception as error:
    print(f"error: {type(error).__name__}")
