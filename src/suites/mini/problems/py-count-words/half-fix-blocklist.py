import subprocess


def count_words(filename):
    if any(character in filename for character in ";&|$<>'\""):
        raise ValueError("not a file name")
    output = subprocess.check_output(f"wc -w {filename}", shell=True, text=True)
    return int(output.split()[0])
