#include <stdio.h>

int render_title(char *out, size_t size, const char *title, int count) {
    return snprintf(out, size, title, count);
}
