// What hangs on the sensor: volts and amperes as a function of simulated time, and nothing else.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct load {
    bool constant;
    double volts, amperes;
};

struct power {
    double volts, amperes;
};

// Constant, or (the default) a small device on a bench supply of 5 V: sleeps, works from second 3 to 5 of every ten,
// sends for 30 ms at second 8; the supply gives way by 0.12 V an ampere.
struct power load_at(const struct load *load, double us);
