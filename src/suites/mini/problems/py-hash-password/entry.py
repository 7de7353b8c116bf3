"""entry.py check PASSWORD ATTEMPT | store PASSWORD | stored PASSWORD | work PASSWORD: try the two functions.

`store` prints what two users with the same password get, `stored` what one gets, also in lower case.

`work` adds up what one call of hash_password asks of hashlib: iterations of PBKDF2, N * r * p of scrypt, one for any
other digest. It counts instead of measuring time, so that the answer is the same on every machine.
"""

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
elif mode == "store":
    for text in (stored, hash_password(password)):
        print(ascii(text))
elif mode == "stored":
    print("stored:", ascii(stored), ascii(stored.lower()))
else:
    print("enough" if work >= ENOUGH_WORK else "too little")
