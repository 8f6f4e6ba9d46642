#include "serial.h"

#include <simavr/avr_uart.h>
#include <simavr/sim_cycle_timers.h>
#include <simavr/sim_irq.h>
#include <stdio.h>
#include <string.h>

enum { MID_LINE = 20, UART_HOLDS = 2 };

static avr_uart_t *uart(const struct serial *serial) {
    for (avr_io_t *io = serial->uno->avr->io_port; io; io = io->next)
        if (!strcmp(io->kind, "uart")) return (avr_uart_t *)io;
    return NULL;
}

// Ten bits, as a UART with one stop bit has them; simavr counts eleven.
static avr_cycle_count_t byte_cycles(const struct serial *serial) {
    avr_t *avr = serial->uno->avr;
    avr_uart_t *port = uart(serial);
    unsigned divider = (avr->data[port->ubrrl.reg] | (avr->data[port->ubrrh.reg] & 15u) << 8) + 1;
    unsigned bit = divider * (avr_regbit_get(avr, port->u2x) ? 8 : 16);
    return port->cycles_per_byte = 10 * bit;
}

static double chance(struct serial *serial) { // xorshift64*
    serial->random ^= serial->random >> 12;
    serial->random ^= serial->random << 25;
    serial->random ^= serial->random >> 27;
    return (double)(serial->random * 2685821657736338717ull >> 11) / (double)(1ull << 53);
}

// False when the byte does not arrive.
static bool pass(struct serial *serial, struct serial_way *way, uint8_t *byte) {
    way->bytes++;
    if (way->drop > 0 && chance(serial) < way->drop) {
        way->dropped++;
        return false;
    }
    if (way->flip > 0 && chance(serial) < way->flip) {
        way->flipped++;
        *byte ^= (uint8_t)(1 << (int)(chance(serial) * 8));
    }
    return true;
}

static void from_board(struct avr_irq_t *irq, uint32_t value, void *param) {
    (void)irq;
    struct serial *serial = param;
    uint8_t byte = (uint8_t)value;
    byte_cycles(serial);
    serial->line_bytes = byte == '\n' ? 0 : serial->line_bytes + 1;
    serial->lines += byte == '\n';
    if (pass(serial, &serial->to_host, &byte)) pty_write(serial->pty, byte);
}

static void to_uart(struct serial *serial, uint8_t byte) {
    avr_uart_t *port = uart(serial);
    unsigned held = (unsigned)(port->input.write - port->input.read) % uart_fifo_fifo_size;
    if (held >= UART_HOLDS) serial->overrun++;
    else avr_raise_irq(serial->in, byte);
}

static avr_cycle_count_t tick(avr_t *avr, avr_cycle_count_t when, void *param) {
    (void)avr;
    struct serial *serial = param;
    if (!serial->count) {
        serial->ticking = false;
        return 0;
    }
    uint8_t byte = serial->waiting[serial->from];
    serial->from = (serial->from + 1) % sizeof serial->waiting;
    serial->count--;
    if (pass(serial, &serial->to_board, &byte)) to_uart(serial, byte);
    return when + byte_cycles(serial);
}

static void start_ticking(struct serial *serial) {
    if (serial->ticking || !serial->count || serial->uno->off_until) return;
    serial->ticking = true;
    avr_cycle_timer_register(serial->uno->avr, byte_cycles(serial), tick, serial);
}

void serial_pump(struct serial *serial) {
    while (serial->count < sizeof serial->waiting) {
        uint8_t byte;
        if (!pty_read(serial->pty, &byte, 1)) break;
        serial->waiting[(serial->from + serial->count++) % sizeof serial->waiting] = byte;
    }
    start_ticking(serial);
    if (serial->reset_in_line && serial->line_bytes >= MID_LINE) {
        serial->reset_in_line = false;
        uno_reset(serial->uno);
    }
}

void serial_restart(struct serial *serial) {
    serial->ticking = false;
    serial->line_bytes = 0;
    serial->count = 0; // a real UART is deaf while its board starts
}

void serial_attach(struct serial *serial, struct uno *uno, struct pty *pty, uint64_t seed) {
    serial->uno = uno;
    serial->pty = pty;
    serial->random = seed * 2 + 1;
    serial->in = avr_io_getirq(uno->avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
    avr_irq_register_notify(avr_io_getirq(uno->avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), from_board, serial);
}
