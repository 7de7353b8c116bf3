import os


def load_template(folder, name):
    root = os.path.abspath(folder)
    path = os.path.abspath(os.path.join(root, name))
    if not path.startswith(root) or not os.path.isfile(path):
        return None
    with open(path, encoding="utf-8") as template:
        return template.read()
