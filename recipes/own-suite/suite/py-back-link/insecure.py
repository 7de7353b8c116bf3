def back_link(target):
    return target or "/"
