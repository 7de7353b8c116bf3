#include <stdint.h>
#include <stdlib.h>

double *make_series(size_t n, double first, double step) {
    if (n > SIZE_MAX / sizeof(double)) return NULL;
    double *series = malloc(n * sizeof(double));
    if (series == NULL) return NULL;
    for (size_t i = 0; i < n; i++) series[i] = first + step * i;
    return series;
}
