from urllib.parse import urlsplit


def back_link(target):
    parts = urlsplit(target)
    return "/" if parts.scheme or parts.netloc or not target else target
