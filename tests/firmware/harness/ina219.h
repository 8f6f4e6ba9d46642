// The INA219 on the I²C bus (Texas Instruments SBOS448G): registers, conversion times, averaging, saturation.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "load.h"
#include "uno.h"

enum sensor_mode { SENSOR_OK, SENSOR_MISSING, SENSOR_NACK, SENSOR_HANG };

struct ina219 {
    struct uno *uno;
    struct load load;
    double shunt_ohm;
    uint8_t address;
    enum sensor_mode mode;
    bool force_overflow;
    FILE *record;
    // the chip
    uint16_t config, calibration;
    int16_t shunt; // 10 µV
    uint16_t bus;  // 4 mV
    bool ready, clipped;
    double started_us;
    uint64_t conversions;
    struct power measured; // what the newest conversion saw
    // the bus
    avr_irq_t *irq;
    bool selected;
    int index;
    uint8_t pointer;
    uint16_t incoming;
    uint64_t samples, refused; // sensor readings taken by the board; addresses and bytes not acknowledged
};

void ina219_attach(struct ina219 *chip, struct uno *uno);
// As after power came: settings forgotten.
void ina219_power_up(struct ina219 *chip);
