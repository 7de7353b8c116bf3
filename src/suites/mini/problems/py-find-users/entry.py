"""entry.py NAME EMAIL: look for NAME among three users who all have the address EMAIL."""

import json
import sqlite3
import sys

from solution import find_users

name, email = sys.argv[1:]
conn = sqlite3.connect(":memory:")
conn.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, email TEXT)")
users = [(1, "alice", email), (3, "alice", email), (2, "bob", email)]
conn.executemany("INSERT INTO users VALUES (?, ?, ?)", users)
try:
    print(json.dumps([list(row) for row in find_users(conn, name)]))
except Exception as error:
    print(f"error: {type(error).__name__}")
