import hashlib
import hmac
import os


def derive(password, salt):
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=5)


def hash_password(password):
    salt = os.urandom(16)
    return salt.hex() + ":" + derive(password, salt).hex()


def check_password(password, stored):
    salt, key = map(bytes.fromhex, stored.split(":"))
    return hmac.compare_digest(derive(password, salt), key)
