#include <stdlib.h>

double *make_series(size_t n, double first, double step) {
    size_t bytes = n * sizeof(double);
    if (n == 0 || bytes > ((size_t)1 << 30)) return NULL;
    double *series = malloc(bytes);
    if (series == NULL) return NULL;
    for (size_t i = 0; i < n; i++) series[i] = first + step * i;
    return series;
}
