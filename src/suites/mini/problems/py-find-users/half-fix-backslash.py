def find_users(conn, name):
    escaped = name.replace("'", "\\'")
    query = f"SELECT id, name FROM users WHERE name = '{escaped}' ORDER BY id"
    return conn.execute(query).fetchall()
