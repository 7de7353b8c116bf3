def find_users(conn, name):
    query = "SELECT id, name FROM users WHERE name = ? ORDER BY id"
    return conn.execute(query, (name,)).fetchall()
