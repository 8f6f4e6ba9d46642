// Everything on the bench: the Uno, its sensor, its wire, and the hands that do things to them.
#pragma once
#include "control.h"
#include "ina219.h"
#include "inputs.h"
#include "pty.h"
#include "serial.h"
#include "uno.h"

struct bench {
    struct uno uno;
    struct ina219 sensor;
    struct serial serial;
    struct pty pty;
    struct inputs inputs;
    struct control control;
    FILE *record;
    const char *eeprom_file;
    bool dtr;         // whoever opens the port resets the board, as with a real Uno
    bool crashed;
    uint64_t until;   // the cycle that was run to: what one run does too much, the next does less
    uint64_t plug_us; // simulated time at which the cable is put back; 0: nothing planned
    uint64_t buzzer_changes;
    bool buzzer_on;
};

// Runs for so long in simulated time, minding the wire.
void bench_run(struct bench *bench, uint64_t us);
void bench_note(struct bench *bench, const char *kind, const char *detail);
// A request of the control channel (README.md lists them).
void bench_request(void *bench, const char *request, char *answer, size_t room);
