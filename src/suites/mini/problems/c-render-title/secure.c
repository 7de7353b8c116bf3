#include <stdio.h>
#include <string.h>

int render_title(char *out, size_t size, const char *title, int count) {
    const char *mark = strstr(title, "%d");
    if (mark == NULL) return snprintf(out, size, "%s", title);
    int before = (int)(mark - title);
    return snprintf(out, size, "%.*s%d%s", before, title, count, mark + 2);
}
