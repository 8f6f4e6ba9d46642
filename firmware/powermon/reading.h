// From what the sensor said to volts, amperes and watts, and to a line of the wire.
#ifndef POWERMON_READING_H
#define POWERMON_READING_H

#include <stdint.h>

#include "config.h"
#include "frame.h"
#include "ring.h"
#include "wall_clock.h"

namespace powermon {

struct Values {
  int32_t mv, ua, uw;
};

// One step of the shunt register is 10 uV: 100 uA with 0.1 ohm.
inline int32_t microamps(int16_t shunt) {
  constexpr uint32_t TEN_UV = 10000000UL;  // in uA times micro-ohm
  if (TEN_UV % SHUNT_MICRO_OHM == 0) return (int32_t)shunt * (int32_t)(TEN_UV / SHUNT_MICRO_OHM);
  int64_t scaled = (int64_t)shunt * (int32_t)TEN_UV;
  constexpr int32_t half = SHUNT_MICRO_OHM / 2;
  return (int32_t)((scaled + (shunt < 0 ? -half : half)) / (int32_t)SHUNT_MICRO_OHM);
}

// mV times uA in uW without 64 bits, rounded: the milliamperes and the rest each fit.
inline int32_t microwatts(uint16_t mv, int32_t ua) {
  uint32_t size = ua < 0 ? 0 - (uint32_t)ua : (uint32_t)ua;
  uint32_t ma = size / 1000;
  uint16_t rest = (uint16_t)(size - ma * 1000);
  uint32_t uw = mv * ma + ((uint32_t)mv * rest + 500) / 1000;
  return ua < 0 ? -(int32_t)uw : (int32_t)uw;
}

inline Values values_of(const Sample &sample) {
  uint16_t mv = sample.bus_4mv() * 4;
  int32_t ua = microamps(sample.shunt);
  return Values{mv, ua, microwatts(mv, ua)};
}

inline const char *status_text(Status status) {
  switch (status) {
    case Status::Ok: return PSTR("ok");
    case Status::Saturated: return PSTR("overflow");
    default: return PSTR("sensor_error");
  }
}

inline void put_wall_time(Frame &frame, UnixTime time) {
  frame.text(PSTR(",\"ts\":"));
  frame.number(time.s);
  if (time.ms == 0) return;
  uint16_t ms = time.ms;
  frame.put('.');
  for (uint8_t digits = 3; digits && ms; digits--, ms = ms % 100 * 10) frame.put((char)('0' + ms / 100));
}

// `time`: null when the line shall not carry it.
inline void put_reading(Frame &frame, const Values &values, const UnixTime *time, uint32_t ms, uint32_t seq, Status status,
                        bool again) {
  frame.text(PSTR("{\"v\":"));
  frame.fixed(values.mv, 3);
  frame.text(PSTR(",\"a\":"));
  frame.fixed(values.ua, 6);
  frame.text(PSTR(",\"w\":"));
  frame.fixed(values.uw, 6);
  if (time) put_wall_time(frame, *time);
  frame.text(PSTR(",\"ms\":"));
  frame.number(ms);
  frame.text(PSTR(",\"seq\":"));
  frame.number(seq);
  frame.text(PSTR(",\"status\":\""));
  frame.text(status_text(status));
  frame.put('"');
  if (again) frame.text(PSTR(",\"re\":1"));
  frame.seal();
}

// The longest line of an everyday reading, for what the line can carry:
// {"v":32.764,"a":-3.2767,"w":-107.358928,"ms":4294967295,"seq":4294967295,"status":"ok","crc":"9F3C"}
constexpr uint16_t READING_BYTES = 101;
constexpr uint16_t WALL_TIME_BYTES = 20;  // ,"ts":1712345678.125

}  // namespace powermon

#endif
