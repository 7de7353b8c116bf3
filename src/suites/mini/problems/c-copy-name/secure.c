#include <string.h>

int copy_name(char dst[32], const char *src) {
    size_t length = strlen(src);
    if (length >= 32) return -1;
    memcpy(dst, src, length + 1);
    return (int)length;
}
