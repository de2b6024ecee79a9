// QuantLib's `blackFormula`, the price of one option by the reference library of the field.
//
// Fair because it is QuantLib's shortest way to a price: no instruments, quotes or observers, which cost 40 times more.
// Forward, standard deviation and discount are handed over ready; what is timed beyond the calls is two products a price.
#include <cmath>
#include <ql/pricingengines/blackformula.hpp>
#include "peer.h"

static void work() {
    for (int i = 0; i < OPTIONS; i++) {
        const int e = i / STRIKES;
        const auto type = sign[i] > 0 ? QuantLib::Option::Call : QuantLib::Option::Put;
        const double stdev = vol[i] * std::sqrt(years[e]);
        for (int j = 0; j < SCENARIOS; j++)
            prices[i][j] = QuantLib::blackFormula(
                type, strike[i], forward[e] * price_factor[j], stdev * vol_factor[j], discount[e]);
    }
}

int main(int argc, char **argv) { return serve(argc, argv, work); }
