def back_link(target):
    return target if target.startswith("/") else "/"
