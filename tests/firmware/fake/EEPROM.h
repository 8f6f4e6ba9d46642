#pragma once
#include "Arduino.h"

struct FakeEeprom {
  uint8_t read(int at) {
    world.eeprom_busy = false;
    return world.eeprom[at];
  }
  void update(int at, uint8_t value) {
    if (world.eeprom[at] == value) return;
    if (!world.eeprom_dead) world.eeprom[at] = value;
    world.eeprom_writes++;
    world.eeprom_busy = true;
  }
};
extern FakeEeprom EEPROM;
