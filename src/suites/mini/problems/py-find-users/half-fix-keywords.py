def find_users(conn, name):
    for word in (" OR ", "UNION", "--", ";"):
        name = name.replace(word, "")
    query = f"SELECT id, name FROM users WHERE name = '{name}' ORDER BY id"
    return conn.execute(query).fetchall()
