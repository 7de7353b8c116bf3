#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int render_title(char *out, size_t size, const char *title, int count);

/* Leaks are not what this problem is about, and the leak checker needs ptrace. */
const char *__asan_default_options(void) { return "detect_leaks=0"; }

int main(int argc, char **argv) {
    char out[32];
    if (argc != 3) return 2;
    memset(out, 'x', sizeof out); /* so that a missing terminator shows */
    int length = render_title(out, sizeof out, argv[1], atoi(argv[2]));
    printf("%d=%zu %s\n", length, strlen(out), out);
    return 0;
}
