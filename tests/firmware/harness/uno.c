#include "uno.h"

#include <simavr/avr_eeprom.h>
#include <simavr/avr_uart.h>
#include <simavr/sim_elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RAM_OFFSET 0x800000u // where the linker puts RAM
#define STACK_PAINT 0xC5

static void fail(const char *what, const char *which) {
    fprintf(stderr, "powermon-uno: %s %s\n", what, which);
    exit(2);
}

static void quiet(avr_t *avr, const int level, const char *format, va_list ap) {
    (void)avr;
    if (level == LOG_ERROR) vfprintf(stderr, format, ap);
}

static void sleep_in_no_time(avr_t *avr, avr_cycle_count_t how_long) {
    (void)avr, (void)how_long; // the main loop holds the simulation to real time, when it shall be held
}

static uint32_t symbol(const elf_firmware_t *elf, const char *name) {
    for (uint32_t i = 0; i < elf->symbolcount; i++)
        if (!strcmp(elf->symbol[i]->symbol, name)) return elf->symbol[i]->addr;
    fail("the program has no symbol", name);
    return 0;
}

static void find_symbols(struct uno *uno, const elf_firmware_t *elf) {
    uno->millis_at = symbol(elf, "timer0_millis") - RAM_OFFSET;
    uno->ring_at = symbol(elf, "ring") - RAM_OFFSET;
    uno->ram_end_at = symbol(elf, "_end") - RAM_OFFSET;
    uno->setup_at = symbol(elf, "setup");
    uno->loop_at = symbol(elf, "loop");
}

static void start(struct uno *uno) {
    avr_t *avr = uno->avr;
    avr_reset(avr);
    memset(avr->data + uno->ram_end_at, STACK_PAINT, avr->ramend + 1 - uno->ram_end_at);
    uno->presets_wait = uno->presets.use;
    uno->loop_from = 0;
    uno->boots++;
    if (uno->restarted) uno->restarted(uno->restarted_with);
}

void uno_load(struct uno *uno, const char *path) {
    elf_firmware_t elf = {0};
    avr_global_logger_set(quiet);
    if (elf_read_firmware(path, &elf)) fail("cannot read", path);
    find_symbols(uno, &elf);
    uno->avr = avr_make_mcu_by_name("atmega328p");
    if (!uno->avr) fail("simavr does not know the", "atmega328p");
    avr_init(uno->avr);
    uno->avr->frequency = elf.frequency = UNO_HZ;
    avr_load_firmware(uno->avr, &elf);
    uno->avr->frequency = UNO_HZ;
    uno->avr->sleep = sleep_in_no_time;
    uint32_t flags = 0; // by default simavr prints what the UART sends, and sleeps when it is polled
    avr_ioctl(uno->avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    start(uno);
}

uint64_t uno_now_us(const struct uno *uno) { return uno->avr->cycle / (UNO_HZ / 1000000); }

void uno_reset(struct uno *uno) {
    if (!uno->off_until) start(uno);
}

void uno_brown_out(struct uno *uno, uint64_t for_us) {
    uno->off_until = uno->avr->cycle + for_us * (UNO_HZ / 1000000) + 1;
}

static void put_u32(struct uno *uno, uint32_t at, uint32_t value) {
    for (int i = 0; i < 4; i++) uno->avr->data[at + i] = (uint8_t)(value >> (8 * i));
}

static void preset(struct uno *uno) {
    if (uno->avr->pc != uno->setup_at) return;
    put_u32(uno, uno->millis_at, uno->presets.millis);
    put_u32(uno, uno->ring_at, uno->presets.seq); // the ring's first member is the number of the next reading
    uno->presets = (struct uno_presets){0};
    uno->presets_wait = false;
}

static void note_loop(struct uno *uno) {
    if (uno->avr->pc != uno->loop_at || uno->avr->state != cpu_Running) return;
    if (uno->loop_from) {
        uint64_t awake = uno->avr->cycle - uno->loop_from - uno->slept;
        uno->loop.turns++;
        uno->loop.awake += awake;
        if (awake > uno->loop.longest) uno->loop.longest = awake;
    }
    uno->loop_from = uno->avr->cycle;
    uno->slept = 0;
}

// One instruction at a time, as long as somebody has to look at each.
static int step(struct uno *uno) {
    avr_t *avr = uno->avr;
    bool asleep = avr->state == cpu_Sleeping;
    uint64_t before = avr->cycle;
    avr->run_cycle_limit = avr->run_cycle_count = 1;
    int state = avr_run(avr);
    if (asleep) uno->slept += avr->cycle - before;
    if (uno->presets_wait) preset(uno);
    if (uno->profile) note_loop(uno);
    return state;
}

bool uno_run_until(struct uno *uno, uint64_t cycle) {
    avr_t *avr = uno->avr;
    while (avr->cycle < cycle) {
        if (uno->off_until) {
            avr->cycle = cycle < uno->off_until ? cycle : uno->off_until;
            if (avr->cycle < uno->off_until) return true;
            uno->off_until = 0;
            start(uno);
            continue;
        }
        avr->run_cycle_limit = 160; // 10 µs
        int state = uno->presets_wait || uno->profile ? step(uno) : avr_run(avr);
        if (state == cpu_Done || state == cpu_Crashed) return false;
    }
    return true;
}

uint32_t uno_stack_used(const struct uno *uno) {
    uint32_t at = uno->ram_end_at;
    while (at <= uno->avr->ramend && uno->avr->data[at] == STACK_PAINT) at++;
    return uno->avr->ramend + 1 - at;
}

uint8_t *uno_eeprom(struct uno *uno) {
    avr_eeprom_desc_t all = {.ee = NULL, .offset = 0, .size = 1};
    avr_ioctl(uno->avr, AVR_IOCTL_EEPROM_GET, &all);
    return all.ee;
}
