import re

OWN_PAGE = re.compile(r"/(?![/\\])[^\\\x00-\x20]*")


def back_link(target):
    return target if OWN_PAGE.fullmatch(target) else "/"
