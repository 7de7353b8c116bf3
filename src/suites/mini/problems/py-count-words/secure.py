import subprocess


def count_words(filename):
    output = subprocess.check_output(["wc", "-w", "--", filename], text=True)
    return int(output.split()[0])
