// An Arduino Uno: simavr's ATmega328P with the compiled program, and what can be done to it from outside.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include <simavr/sim_avr.h>

#define UNO_HZ 16000000ull

struct uno_presets { // what the program finds in its memory at its first instruction of setup()
    bool use;
    uint32_t millis;
    uint32_t seq;
};

struct uno_loop { // cycles from one loop() to the next, without those slept through
    uint64_t turns, awake, longest;
};

struct uno {
    avr_t *avr;
    uint32_t millis_at, ring_at, setup_at, loop_at, ram_end_at; // addresses from the ELF
    struct uno_presets presets;
    bool presets_wait;   // until setup() is reached
    uint64_t off_until;  // the cycle at which power comes back; 0: it is there
    uint32_t boots;
    bool profile;        // looks at every instruction: slower
    uint64_t loop_from, slept;
    struct uno_loop loop;
    void (*restarted)(void *); // after each start, for what forgets itself with a reset
    void *restarted_with;
};

// Exits with a message when the program cannot be loaded.
void uno_load(struct uno *uno, const char *elf);
uint64_t uno_now_us(const struct uno *uno);
// The reset button.
void uno_reset(struct uno *uno);
// Power off for so long; everything in RAM is lost.
void uno_brown_out(struct uno *uno, uint64_t for_us);
// Runs (or stays off) until this cycle. False when the program crashed.
bool uno_run_until(struct uno *uno, uint64_t cycle);
// Bytes of stack that were in use at the worst moment since the last start.
uint32_t uno_stack_used(const struct uno *uno);
// The whole EEPROM, 1024 bytes.
uint8_t *uno_eeprom(struct uno *uno);
