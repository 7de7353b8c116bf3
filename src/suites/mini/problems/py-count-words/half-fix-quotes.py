import subprocess


def count_words(filename):
    quoted = filename.replace('"', '\\"')
    output = subprocess.check_output(f'wc -w "{quoted}"', shell=True, text=True)
    return int(output.split()[0])
