"""entry.py FILENAME: count the words of that file."""

import json
import sys

from solution import count_words

try:
    print(json.dumps(count_words(sys.argv[1])))
except Exception as error:
    print(f"error: {type(error).__name__}")
