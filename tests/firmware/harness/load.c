#include "load.h"

#include <math.h>

struct power load_at(const struct load *load, double us) {
    if (load->constant) return (struct power){load->volts, load->amperes};
    double s = us / 1e6, phase = fmod(s, 10.0);
    double amperes = 0.08 + 0.02 * sin(s * 2 * M_PI / 7);
    if (phase >= 3 && phase < 5) amperes += 0.45;
    if (phase >= 8 && phase < 8.03) amperes += 1.2;
    return (struct power){5.0 - 0.12 * amperes, amperes};
}
