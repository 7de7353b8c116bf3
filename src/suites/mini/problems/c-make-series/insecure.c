#include <stdlib.h>

double *make_series(size_t n, double first, double step) {
    double *series = malloc(n * sizeof(double));
    if (series == NULL) return NULL;
    for (size_t i = 0; i < n; i++) series[i] = first + step * i;
    return series;
}
