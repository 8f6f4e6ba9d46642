// A stand-in for the Arduino core: lets the sketch itself be compiled and driven on the host.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include <deque>
#include <string>

enum { LOW, HIGH, INPUT, OUTPUT };
enum { A0 = 14 };

struct FakeWorld {
  uint32_t now_ms = 0;
  int serial_room = 63;              // what the port takes before somebody drains it
  std::string sent;                  // by the board
  std::deque<uint8_t> incoming;      // for the board
  uint8_t pins[20] = {};
  int pin_changes[20] = {};
  int analog = 512;
  bool noisy_inputs = false;
  uint8_t eeprom[1024];
  unsigned eeprom_writes = 0;
  bool eeprom_dead = false;          // keeps nothing
  bool eeprom_busy = false;          // the last write takes 3.4 ms; whoever reads waits for it
  bool sensor_there = true;
  int16_t shunt = 2450;
  uint16_t bus = 1255 << 3 | 2;
  uint16_t config = 0x399F;
  unsigned sensor_reads = 0;
  uint32_t busy_ms_per_read = 0;     // a slow bus: time passes while the board waits for it

  FakeWorld() {
    for (uint8_t &byte : eeprom) byte = 0xFF;
  }
};

extern FakeWorld world;

uint32_t millis();
void pinMode(uint8_t pin, uint8_t mode);
void digitalWrite(uint8_t pin, uint8_t level);
int analogRead(uint8_t pin);

struct FakeSerial {
  void begin(unsigned long baud);
  int available();
  int read();
  int availableForWrite();
  size_t write(uint8_t byte);
  size_t write(const uint8_t *bytes, size_t count);
};
extern FakeSerial Serial;
