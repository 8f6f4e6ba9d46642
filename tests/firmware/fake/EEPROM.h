#pragma once
#include "Arduino.h"

struct FakeEeprom {
  uint8_t read(int at) { return world.eeprom[at]; }
  void update(int at, uint8_t value) {
    if (world.eeprom[at] == value) return;
    world.eeprom[at] = value;
    world.eeprom_writes++;
  }
};
extern FakeEeprom EEPROM;
