import subprocess


def count_words(filename):
    output = subprocess.check_output(f"wc -w {filename}", shell=True, text=True)
    return int(output.split()[0])
