#include <string.h>

int copy_name(char dst[32], const char *src) {
    strcpy(dst, src);
    return (int)strlen(dst);
}
