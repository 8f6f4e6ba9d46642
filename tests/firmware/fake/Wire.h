// The bus with an INA219 that answers at once.
#pragma once
#include <stdint.h>

#define WIRE_HAS_TIMEOUT 1

struct FakeWire {
  void begin() {}
  void setClock(uint32_t) {}
  void setWireTimeout(uint32_t, bool) { has_timeout = true; }
  void beginTransmission(uint8_t address);
  void write(uint8_t byte);
  uint8_t endTransmission();
  uint8_t requestFrom(uint8_t address, uint8_t count);
  int read();

  bool has_timeout = false;

 private:
  uint8_t address_ = 0, count_ = 0, at_ = 0;
  uint8_t bytes_[8] = {};
  uint8_t pointer_ = 0;
  uint16_t answer_ = 0;
};
extern FakeWire Wire;
