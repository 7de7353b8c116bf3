import hashlib
import hmac
import os


def derive(password, salt):
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 1000)


def hash_password(password):
    salt = os.urandom(16)
    return salt.hex() + ":" + derive(password, salt).hex()


def check_password(password, stored):
    salt, key = map(bytes.fromhex, stored.split(":"))
    return hmac.compare_digest(derive(password, salt), key)
