// The analog inputs, with nothing connected: each conversion finds another voltage.
#pragma once
#include "uno.h"

struct inputs {
    struct uno *uno;
    uint64_t random;
};

void inputs_attach(struct inputs *inputs, struct uno *uno, uint64_t seed);
