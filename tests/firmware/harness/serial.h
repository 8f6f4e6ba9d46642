// The wire between the UART and the pty: paced at the baud rate, and as bad as asked for.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pty.h"
#include "uno.h"

struct serial_way { // chances per byte, and what became of them
    double flip, drop;
    uint64_t bytes, flipped, dropped;
};

struct serial {
    struct uno *uno;
    struct pty *pty;
    uint64_t random;
    struct serial_way to_host, to_board;
    avr_irq_t *in;
    uint8_t waiting[8192]; // from the host, not yet on the wire
    size_t from, count;
    bool ticking;
    uint64_t overrun;    // bytes that the UART had no room for
    unsigned line_bytes; // since the last line end to the host
    uint64_t lines;      // to the host
    bool reset_in_line;  // reset the board in the middle of its next line
};

void serial_attach(struct serial *serial, struct uno *uno, struct pty *pty, uint64_t seed);
// Takes what the host has written.
void serial_pump(struct serial *serial);
// After a reset the simulator has forgotten our clock.
void serial_restart(struct serial *serial);
