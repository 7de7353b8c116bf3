#include <string.h>

int copy_name(char dst[32], const char *src) {
    strncpy(dst, src, 32);
    return (int)strlen(dst);
}
