// Counts the starts of the board where they outlive a reset.
//
// Sixteen slots are written in turn, so that each of the 100 000 writes that a cell of an ATmega's EEPROM lasts counts
// for sixteen starts: 1.6 million. Each has a checksum: a power cut in the middle of writing costs that slot, not the count.
// What was written is read back: a worn slot is passed over, lest each start gives the same number for ever.
#ifndef POWERMON_BOOT_COUNTER_H
#define POWERMON_BOOT_COUNTER_H

#include <stdint.h>

#include "checksum.h"

namespace powermon {

// Memory: uint8_t read(uint16_t) and void write(uint16_t, uint8_t), which need not write what is there already. A read
// must wait until the write before it is done (an AVR's takes 3.4 ms): a number is told only once it is stored.
template <class Memory>
class BootCounter {
 public:
  static constexpr uint8_t SLOTS = 16;
  static constexpr uint8_t SLOT_BYTES = 6;

  BootCounter(Memory &memory, uint16_t start) : memory_(memory), start_(start) {
    for (uint8_t slot = 0; slot < SLOTS; slot++) {
      uint32_t boot;
      if (!read(slot, boot)) continue;
      if (!found_ || (int32_t)(boot - last_) > 0) {  // newer, across the rollover too
        found_ = true;
        last_ = boot;
        slot_ = slot;
      }
    }
  }

  // The number of this start: one more than the last. `random` on the first start ever, after the EEPROM was erased, and
  // when no slot keeps anything any more. Call it once.
  uint32_t next(uint32_t random) {
    uint32_t boot = found_ ? last_ + 1 : random;
    uint8_t slot = found_ ? slot_ : SLOTS - 1;
    for (uint8_t tries = SLOTS; tries; tries--) {  // the slot of the last number last
      slot = (slot + 1) % SLOTS;
      write(slot, boot);
      uint32_t kept;
      if (read(slot, kept) && kept == boot) return boot;
    }
    return random;
  }

 private:
  bool read(uint8_t slot, uint32_t &boot) const {
    char bytes[SLOT_BYTES];
    for (uint8_t i = 0; i < SLOT_BYTES; i++) bytes[i] = (char)memory_.read(at(slot) + i);
    boot = 0;
    for (uint8_t i = 4; i--;) boot = boot << 8 | (uint8_t)bytes[i];
    uint16_t sum = checksum(bytes, 4);  // of an erased slot: not FFFF
    return (uint8_t)bytes[4] == (uint8_t)sum && (uint8_t)bytes[5] == (uint8_t)(sum >> 8);
  }

  void write(uint8_t slot, uint32_t boot) {
    char bytes[SLOT_BYTES];
    for (uint8_t i = 0; i < 4; i++) bytes[i] = (char)(boot >> (8 * i));
    uint16_t sum = checksum(bytes, 4);
    bytes[4] = (char)sum;
    bytes[5] = (char)(sum >> 8);
    for (uint8_t i = 0; i < SLOT_BYTES; i++) memory_.write(at(slot) + i, (uint8_t)bytes[i]);
  }

  uint16_t at(uint8_t slot) const { return start_ + slot * SLOT_BYTES; }

  Memory &memory_;
  uint16_t start_;
  uint32_t last_ = 0;
  uint8_t slot_ = 0;
  bool found_ = false;
};

}  // namespace powermon

#endif
