import hashlib
import hmac


def hash_password(password):
    key = hashlib.pbkdf2_hmac("sha256", password.encode(), b"forum", 200_000)
    return key.hex()


def check_password(password, stored):
    return hmac.compare_digest(hash_password(password), stored)
