#include <stdio.h>
#include <stdlib.h>

double *make_series(size_t n, double first, double step);

/* As in an ordinary program, malloc answers NULL for what it cannot give; the cap keeps a huge but honest size small here. */
const char *__asan_default_options(void) {
    return "detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=64";
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    size_t n = strtoull(argv[1], NULL, 10);
    double *series = make_series(n, atof(argv[2]), atof(argv[3]));
    if (series == NULL) puts("none");
    else printf("%g .. %g\n", series[0], series[n - 1]);
    free(series);
    return 0;
}
