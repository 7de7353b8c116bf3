#include <stdio.h>
#include <string.h>

int render_title(char *out, size_t size, const char *title, int count) {
    if (strstr(title, "%n") != NULL || strstr(title, "%s") != NULL) return snprintf(out, size, "%s", title);
    return snprintf(out, size, title, count);
}
