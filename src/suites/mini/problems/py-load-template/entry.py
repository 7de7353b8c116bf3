"""entry.py NAME: load the template NAME below `templates`; {cwd} in NAME stands for the work folder."""

import json
import os
import sys

from solution import load_template

name = sys.argv[1].replace("{cwd}", os.getcwd())
try:
    print(json.dumps(load_template("templates", name)))
except Exception as error:
    print(f"error: {type(error).__name__}")
