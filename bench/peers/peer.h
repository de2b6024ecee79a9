/* What every C and C++ peer shares: the inputs, the clock and the conversation with the driver.
 *
 * The driver writes one raw file per array into a folder and starts `peer FOLDER ANSWER`. The peer does its work once
 * (that warms it up), writes all results to ANSWER, and prints `ready`. Then every line it reads is a time in
 * milliseconds: it repeats the work for that much CPU time of its thread and prints the nanoseconds of one run. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { EXPIRIES = 30, STRIKES = 20, OPTIONS = EXPIRIES * STRIKES, SCENARIOS = 99 };

static double forward[EXPIRIES], years[EXPIRIES], discount[EXPIRIES];
static double sign[OPTIONS], strike[OPTIONS], vol[OPTIONS]; /* expiry by expiry; +1 is a call, -1 a put */
static double price_factor[SCENARIOS], vol_factor[SCENARIOS];
static double prices[OPTIONS][SCENARIOS];

static void read_input(const char *folder, const char *name, double *values, size_t count) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.f64", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file || fread(values, sizeof *values, count, file) != count) {
        fprintf(stderr, "%s: cannot be read\n", path);
        exit(1);
    }
    fclose(file);
}

static double cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1e9 + now.tv_nsec;
}

static int serve(int argc, char **argv, void (*work)(void)) {
    if (argc != 3) return 2;
    read_input(argv[1], "forward", forward, EXPIRIES);
    read_input(argv[1], "years", years, EXPIRIES);
    read_input(argv[1], "discount", discount, EXPIRIES);
    read_input(argv[1], "sign", sign, OPTIONS);
    read_input(argv[1], "strike", strike, OPTIONS);
    read_input(argv[1], "vol", vol, OPTIONS);
    read_input(argv[1], "price_factor", price_factor, SCENARIOS);
    read_input(argv[1], "vol_factor", vol_factor, SCENARIOS);
    work();
    FILE *answer = fopen(argv[2], "wb");
    if (!answer || fwrite(prices, sizeof prices, 1, answer) != 1 || fclose(answer)) return 1;
    puts("ready");
    fflush(stdout);
    double milliseconds;
    while (scanf("%lf", &milliseconds) == 1) {
        double start = cpu_ns(), spent = 0;
        long runs = 0;
        do {
            work();
            runs++;
            spent = cpu_ns() - start;
        } while (spent < milliseconds * 1e6);
        printf("%.17g\n", spent / runs);
        fflush(stdout);
    }
    return 0;
}
