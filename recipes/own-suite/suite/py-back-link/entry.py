"""entry.py TARGET: print the page to go to."""

import sys

from solution import back_link

print(back_link(sys.argv[1]))
