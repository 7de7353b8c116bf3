def find_users(conn, name):
    query = f"SELECT id, name FROM users WHERE name = '{name}' ORDER BY id"
    return conn.execute(query).fetchall()
