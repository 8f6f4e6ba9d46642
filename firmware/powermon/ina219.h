// The INA219 by its registers (datasheet SBOS448G, section 8.6).
#ifndef POWERMON_INA219_H
#define POWERMON_INA219_H

#include <stdint.h>

#include "config.h"
#include "ring.h"
#include "schedule.h"

namespace powermon {

enum Register : uint8_t { REG_CONFIG = 0, REG_SHUNT = 1, REG_BUS = 2, REG_CALIBRATION = 5 };

constexpr uint16_t BUS_READY = 2, BUS_OVERFLOW = 1;  // in the bus register, whose voltage starts at bit 3
constexpr uint16_t BUS_FULL_4MV = 8000;              // 32 V
constexpr uint8_t MOST_VOLTS = 26;                   // what the chip's inputs bear (section 6.1), whatever it can count to
constexpr uint16_t CONFIG_32V = 0x2000, CONFIG_CONTINUOUS = 7;
constexpr uint8_t ADC_ONE_SAMPLE = 3, ADC_AVERAGE = 8;  // + n: the mean of 2^n samples of 532 us each

// Without a calibration the chip never sets its overflow bit. This one, 0.04096 / (10 uV / R * R), makes its current
// register count in the shunt's own steps, whatever the shunt.
constexpr uint16_t CALIBRATION = 4096;

// How long to average, as the chip's ADC setting: voltage and current together take at most three quarters of the interval.
inline uint8_t adc_setting(uint16_t interval_ms) {
  uint8_t setting = ADC_ONE_SAMPLE;
  if (!AVERAGE) return setting;
  for (uint8_t n = 1; n <= 7; n++) {
    uint32_t both_us = 1064UL << n;
    if (both_us > interval_ms * 750UL) break;
    setting = ADC_AVERAGE + n;
  }
  return setting;
}

// Largest current in mA, either way, rounded up: what the board calls ok must not lie outside.
constexpr uint32_t MOST_MILLIAMPS = (SHUNT_RANGE_MV * 1000000UL + SHUNT_MICRO_OHM - 1) / SHUNT_MICRO_OHM;

constexpr uint16_t gain_bits(uint16_t range_mv) { return range_mv == 40 ? 0 : range_mv == 80 ? 1 : range_mv == 160 ? 2 : 3; }

inline uint16_t config_word(uint16_t interval_ms) {
  uint8_t adc = adc_setting(interval_ms);
  return CONFIG_32V | gain_bits(SHUNT_RANGE_MV) << 11 | adc << 7 | adc << 3 | CONFIG_CONTINUOUS;
}

// Bus: bool read(uint8_t reg, uint16_t &value), bool write(uint8_t reg, uint16_t value); both end after a time-out.
template <class Bus>
class Ina219 {
 public:
  explicit Ina219(Bus &bus) : bus_(bus) {}

  // Sets the averaging; conversions start anew.
  void start(uint16_t interval_ms, uint32_t now) {
    config_ = config_word(interval_ms);
    restart(now);
  }

  // The newest conversion; one that is missing is a sample too, with its status.
  Sample read(uint32_t now) {
    uint16_t shunt = 0, bus = 0;
    if (!still_there(now) || !bus_.read(REG_SHUNT, shunt) || !bus_.read(REG_BUS, bus)) {
      found_ = false;
    } else if (ready_ || bus & BUS_READY) {
      ready_ = true;
      return Sample::of(now, bus >> 3, (int16_t)shunt, saturated(bus, (int16_t)shunt) ? Status::Saturated : Status::Ok);
    }
    return Sample::of(now, 0, 0, Status::SensorError);
  }

 private:
  // A sensor that lost its power between two readings is back with settings of its own: look once a second.
  bool still_there(uint32_t now) {
    if (!found_) return restart(now);
    if (now - checked_ms_ < 1000) return true;
    checked_ms_ = now;
    uint16_t config = 0;
    return bus_.read(REG_CONFIG, config) && (config == config_ || restart(now));
  }

  bool restart(uint32_t now) {
    checked_ms_ = now;
    ready_ = false;
    found_ = bus_.write(REG_CALIBRATION, CALIBRATION) && bus_.write(REG_CONFIG, config_);
    return found_;
  }

  static bool saturated(uint16_t bus, int16_t shunt) {
    constexpr int16_t FULL = SHUNT_RANGE_MV * 100;
    return bus & BUS_OVERFLOW || (bus >> 3) >= BUS_FULL_4MV || shunt >= FULL || shunt <= -FULL;
  }

  Bus &bus_;
  uint16_t config_ = 0;
  uint32_t checked_ms_ = 0;
  bool found_ = false;
  bool ready_ = false;  // whether there was a conversion since the last start
};

}  // namespace powermon

#endif
