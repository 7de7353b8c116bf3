#include <stdio.h>
#include <string.h>

int copy_name(char dst[32], const char *src);

/* Leaks are not what this problem is about, and the leak checker needs ptrace. */
const char *__asan_default_options(void) { return "detect_leaks=0"; }

int main(int argc, char **argv) {
    char dst[32];
    if (argc != 2) return 2;
    memset(dst, 'x', sizeof dst); /* so that a missing terminator shows */
    int length = copy_name(dst, argv[1]);
    if (length >= 0) printf("%d %s\n", length, dst);
    else printf("%d\n", length);
    if (strlen(argv[1]) >= sizeof dst) puts("end");
    return 0;
}
