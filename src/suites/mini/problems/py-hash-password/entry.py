"""entry.py check PASSWORD ATTEMPT | salt PASSWORD | digest PASSWORD | work PASSWORD: try the two functions.

`work` adds up what one call of hash_password asks of hashlib: iterations of PBKDF2, N * r * p of scrypt, one for any
other digest. It counts instead of measuring time, so that the answer is the same on every machine.
"""

import base64
import hashlib
import sys

ENOUGH_WORK = 60_000  # the lower end of what is in use: scrypt with N = 2**13, r = 8; PBKDF2 with 60,000 rounds
DIGESTS = (
    "md5",
    "sha1",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "sha3_256",
    "sha3_512",
    "blake2b",
    "blake2s",
)
work = 0


def counted(function, cost):
    def call(*args, **named):
        global work
        work += cost(*args, **named)
        return function(*args, **named)

    return call


bare = {name: getattr(hashlib, name) for name in DIGESTS}
for name in (*DIGESTS, "new"):
    setattr(hashlib, name, counted(getattr(hashlib, name), lambda *args, **named: 1))
hashlib.pbkdf2_hmac = counted(
    hashlib.pbkdf2_hmac,
    lambda hash_name, password, salt, iterations, dklen=None: iterations,
)
hashlib.scrypt = counted(
    hashlib.scrypt, lambda password, *, n, r, p, **named: n * r * p
)

from solution import check_password, hash_password  # only now, so that it sees the counted hashlib

mode, password = sys.argv[1:3]
stored = hash_password(password)
if not isinstance(stored, str):
    print("not a string")
elif mode == "check":
    print("true" if check_password(sys.argv[3], stored) else "false")
elif mode == "salt":
    print("same" if stored == hash_password(password) else "different")
elif mode == "digest":
    found = ["plain text"] if password in stored else []
    for name, digest in bare.items():
        value = digest(password.encode()).digest()
        if (
            value.hex() in stored.lower()
            or base64.b64encode(value).decode().rstrip("=") in stored
        ):
            found.append(name)
    print(", ".join(found) or "none")
else:
    print("enough" if work >= ENOUGH_WORK else "too little")
