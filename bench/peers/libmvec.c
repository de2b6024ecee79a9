/* Black-76 as a C programmer writes it for speed: a plain loop that `cc -Ofast -march=native` turns into calls of glibc's
 * vector maths library (libmvec, 8 prices at a time with AVX-512).
 *
 * Two sources out of one file. As it stands: the formula in the loop. With -DHOISTED: logarithms, inverses and forwards
 * that prices share are computed once, as our kernel does; what is left in the loop is two `erfc`. That is the hardest
 * peer we know. The driver looks at the symbols of the binary to see that it did vectorise. */
#include <math.h>
#include "peer.h"

#ifdef HOISTED

static void work(void) {
    double inverse_vol_factor[SCENARIOS];
    for (int j = 0; j < SCENARIOS; j++) inverse_vol_factor[j] = 1 / vol_factor[j];
    for (int e = 0; e < EXPIRIES; e++) {
        double shocked[SCENARIOS], log_shocked[SCENARIOS];
        for (int j = 0; j < SCENARIOS; j++) {
            shocked[j] = forward[e] * price_factor[j];
            log_shocked[j] = log(shocked[j]);
        }
        for (int i = e * STRIKES; i < (e + 1) * STRIKES; i++) {
            /* erfc(-theta d / sqrt 2) wants both distances divided by -theta sqrt 2: once an option, not once a price. */
            const double theta = -M_SQRT1_2 * sign[i], stdev = vol[i] * sqrt(years[e]), log_strike = log(strike[i]);
            const double inverse = theta / stdev, half = 0.5 * theta * stdev, weight = 0.5 * sign[i] * discount[e];
            const double k = strike[i];
            for (int j = 0; j < SCENARIOS; j++) {
                const double middle = (log_shocked[j] - log_strike) * (inverse * inverse_vol_factor[j]);
                const double h = half * vol_factor[j];
                prices[i][j] = weight * (shocked[j] * erfc(middle + h) - k * erfc(middle - h));
            }
        }
    }
}

#else

static void work(void) {
    for (int i = 0; i < OPTIONS; i++) {
        const int e = i / STRIKES;
        const double theta = sign[i], f0 = forward[e], k = strike[i], unit = vol[i] * sqrt(years[e]), d = discount[e];
        for (int j = 0; j < SCENARIOS; j++) {
            const double f = f0 * price_factor[j], s = unit * vol_factor[j];
            const double d1 = log(f / k) / s + 0.5 * s, d2 = d1 - s;
            prices[i][j] = 0.5 * d * theta * (f * erfc(-theta * d1 * M_SQRT1_2) - k * erfc(-theta * d2 * M_SQRT1_2));
        }
    }
}

#endif

int main(int argc, char **argv) { return serve(argc, argv, work); }
