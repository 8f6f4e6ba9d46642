// powermon: measures volts, amperes and watts with an INA219 and never lets a reading get lost on the way.
// Settings are in config.h; everything that needs no hardware is in the other headers, where it is tested.

#include <EEPROM.h>
#include <Wire.h>

#include "config.h"

#include "board.h"
#include "boot_counter.h"
#include "checksum.h"
#include "frame.h"
#include "ina219.h"
#include "line_reader.h"

#if defined(__AVR__)
#include <avr/sleep.h>
#endif

using namespace powermon;

// The sensor's registers over Wire. A transfer takes 0.6 ms at 100 kHz; one that hangs ends after 3 ms.
struct WireBus {
  void begin() {
    Wire.begin();
    Wire.setClock(POWERMON_I2C_HZ);
#if defined(ARDUINO_ARCH_AVR) || defined(WIRE_HAS_TIMEOUT)  // the AVR core has it without saying so
    Wire.setWireTimeout(3000, true);
#endif
  }

  bool write(uint8_t reg, uint16_t value) {
    Wire.beginTransmission(POWERMON_SENSOR_ADDRESS);
    Wire.write(reg);
    Wire.write((uint8_t)(value >> 8));
    Wire.write((uint8_t)value);
    return Wire.endTransmission() == 0;
  }

  bool read(uint8_t reg, uint16_t &value) {
    Wire.beginTransmission(POWERMON_SENSOR_ADDRESS);
    Wire.write(reg);
    if (Wire.endTransmission() != 0 || Wire.requestFrom((uint8_t)POWERMON_SENSOR_ADDRESS, (uint8_t)2) != 2) return false;
    value = (uint16_t)(Wire.read() << 8);
    value |= (uint8_t)Wire.read();
    return true;
  }
};

struct EepromMemory {
  uint8_t read(uint16_t at) { return EEPROM.read(at); }
  void write(uint16_t at, uint8_t value) { EEPROM.update(at, value); }
};

Ring<RING_SIZE> ring;  // beside the board for the sake of the tests: they preset its number
Board board(ring);
WireBus wire_bus;
Ina219<WireBus> sensor(wire_bus);
LineReader reader;
Frame frame;
uint8_t frame_sent = 0;
uint16_t sensor_interval_ms = 0;

// Boot counts of two boards, or of one before and after its EEPROM was erased, must not meet: the host would take
// the readings of one for those of the other. Noise of the open analog inputs puts them far apart. At most nine digits:
// with ten, eight numbers of ten digits would not fit into one nack.
uint32_t random_boot() {
  char noise[64];
  for (uint8_t i = 0; i < sizeof noise; i++) noise[i] = (char)analogRead(A0 + i % 4);
  uint16_t high = checksum(noise, sizeof noise / 2), low = checksum(noise + sizeof noise / 2, sizeof noise / 2);
  return (uint32_t)(high & 0x1FFF) << 16 | low | 1;
}

uint32_t count_boot() {
  EepromMemory memory;
  return BootCounter<EepromMemory>(memory, POWERMON_EEPROM_AT).next(random_boot());
}

// At most one line a turn: reading one takes up to 3 ms, and a measurement may be due.
void hear() {
  while (Serial.available() > 0) {
    if (!reader.feed((char)Serial.read())) continue;
    board.hear(reader.line(), reader.length(), millis());
    return;
  }
}

void measure() {
  uint32_t now = millis();
  uint16_t interval_ms = board.schedule.interval_ms();
  if (sensor_interval_ms != interval_ms) {
    sensor_interval_ms = interval_ms;
    sensor.start(interval_ms, now);
  }
  if (board.schedule.due(now)) board.measured(sensor.read(now));
}

// As much as the serial port takes without waiting. True when there may be more to say at once.
bool say() {
  if (frame_sent == frame.length()) {
    frame_sent = 0;
    if (!board.next_line(frame)) return false;
  }
  int room = Serial.availableForWrite();
  if (room <= 0) return false;
  uint8_t left = frame.length() - frame_sent;
  uint8_t count = room < left ? (uint8_t)room : left;
  frame_sent += Serial.write((const uint8_t *)frame.bytes() + frame_sent, count);
  return true;
}

void sound() {
  bool sounding = board.buzzer.sounding(millis());
  static bool was_sounding = false;
  if (sounding == was_sounding) return;
  was_sounding = sounding;
#if POWERMON_BUZZER_HZ
  if (sounding) {
    tone(POWERMON_BUZZER_PIN, POWERMON_BUZZER_HZ);
  } else {
    noTone(POWERMON_BUZZER_PIN);
  }
#else
  digitalWrite(POWERMON_BUZZER_PIN, sounding ? HIGH : LOW);
#endif
}

// Until the next interrupt: the clock's comes every millisecond, a byte's at once.
void rest() {
#if defined(__AVR__)
  set_sleep_mode(SLEEP_MODE_IDLE);
  sleep_mode();
#endif
}

void setup() {
  pinMode(POWERMON_BUZZER_PIN, OUTPUT);
  Serial.begin(BAUD);
  Serial.write('\n');  // ends a line that the reset cut short
  wire_bus.begin();
  board.start(count_boot(), millis());
}

void loop() {
  hear();
  measure();
  bool more = say();
  sound();
  if (!more && Serial.available() == 0) rest();
}
