import os


def load_template(folder, name):
    path = os.path.join(folder, name.replace("../", "").lstrip("/"))
    if not os.path.isfile(path):
        return None
    with open(path, encoding="utf-8") as template:
        return template.read()
