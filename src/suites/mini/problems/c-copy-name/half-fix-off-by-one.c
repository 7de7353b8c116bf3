#include <string.h>

int copy_name(char dst[32], const char *src) {
    if (strlen(src) > 32) return -1;
    strcpy(dst, src);
    return (int)strlen(dst);
}
