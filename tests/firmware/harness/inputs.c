#include "inputs.h"

#include <simavr/avr_adc.h>
#include <simavr/sim_irq.h>

enum { AROUND_MV = 1200, NOISE_BITS = 6 };

static void conversion_begins(struct avr_irq_t *irq, uint32_t value, void *param) {
    (void)irq;
    struct inputs *inputs = param;
    union {
        avr_adc_mux_t mux;
        uint32_t value;
    } begun = {.value = value};
    inputs->random = inputs->random * 6364136223846793005ull + 1442695040888963407ull;
    uint32_t millivolts = AROUND_MV + (uint32_t)(inputs->random >> (64 - NOISE_BITS));
    avr_raise_irq(avr_io_getirq(inputs->uno->avr, AVR_IOCTL_ADC_GETIRQ, ADC_IRQ_ADC0 + (int)begun.mux.src), millivolts);
}

void inputs_attach(struct inputs *inputs, struct uno *uno, uint64_t seed) {
    inputs->uno = uno;
    inputs->random = seed;
    avr_irq_register_notify(avr_io_getirq(uno->avr, AVR_IOCTL_ADC_GETIRQ, ADC_IRQ_OUT_TRIGGER), conversion_begins, inputs);
}
