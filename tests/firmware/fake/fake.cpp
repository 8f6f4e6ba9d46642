#include "Arduino.h"
#include "EEPROM.h"
#include "Wire.h"

FakeWorld world;
FakeSerial Serial;
FakeWire Wire;
FakeEeprom EEPROM;

uint32_t millis() { return world.now_ms; }
void pinMode(uint8_t, uint8_t) {}
int analogRead(uint8_t) {
  static uint32_t random = 1;
  random = random * 1664525u + 1013904223u;
  return world.analog + (world.noisy_inputs ? (int)(random >> 28) : 0);
}

void digitalWrite(uint8_t pin, uint8_t level) {
  if (world.pins[pin] != level) world.pin_changes[pin]++;
  world.pins[pin] = level;
}

void FakeSerial::begin(unsigned long) {}
int FakeSerial::available() { return (int)world.incoming.size(); }

int FakeSerial::read() {
  if (world.incoming.empty()) return -1;
  uint8_t byte = world.incoming.front();
  world.incoming.pop_front();
  return byte;
}

int FakeSerial::availableForWrite() { return world.serial_room; }

size_t FakeSerial::write(uint8_t byte) { return write(&byte, 1); }

// The real port would wait here for room; whoever writes more than there is has broken the promise not to block.
size_t FakeSerial::write(const uint8_t *bytes, size_t count) {
  if ((int)count > world.serial_room) world.sent += "<BLOCKED>";
  world.sent.append((const char *)bytes, count);
  world.serial_room -= (int)count;
  return count;
}

void FakeWire::beginTransmission(uint8_t address) {
  address_ = address;
  count_ = 0;
}

void FakeWire::write(uint8_t byte) {
  if (count_ < sizeof bytes_) bytes_[count_++] = byte;
}

uint8_t FakeWire::endTransmission() {
  if (!world.sensor_there || address_ != 0x40) return 2;
  pointer_ = bytes_[0];
  if (count_ == 3 && pointer_ == 0) world.config = (uint16_t)(bytes_[1] << 8 | bytes_[2]);
  return 0;
}

uint8_t FakeWire::requestFrom(uint8_t address, uint8_t) {
  if (!world.sensor_there || address != 0x40) return 0;
  world.now_ms += world.busy_ms_per_read;
  world.sensor_reads++;
  answer_ = pointer_ == 0 ? world.config : pointer_ == 1 ? (uint16_t)world.shunt : world.bus;
  at_ = 0;
  return 2;
}

int FakeWire::read() { return at_++ ? answer_ & 0xFF : answer_ >> 8; }
