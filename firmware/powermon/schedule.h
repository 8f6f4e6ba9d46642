// When the next reading is due. Times are uptime in milliseconds, which rolls over after 49.7 days: only differences
// of two times count, and a difference of less than 2^31 ms (24.8 days) has its right sign across the rollover.
#ifndef POWERMON_SCHEDULE_H
#define POWERMON_SCHEDULE_H

#include <stdint.h>

#include "config.h"

namespace powermon {

constexpr uint16_t LONGEST_INTERVAL_MS = 60000;

inline bool reached(uint32_t now, uint32_t due) { return (int32_t)(now - due) >= 0; }

// The shortest interval at which a line of `bytes` still leaves a ninth of the line for replies and retransmissions.
constexpr uint16_t shortest_interval_ms(uint32_t baud, uint16_t bytes) {
  // ten bits a byte, 9/8 of them; (a + b - 1) / b rounds up
  return (bytes * 11250UL + baud - 1) / baud > SHORTEST_INTERVAL_MS ? (uint16_t)((bytes * 11250UL + baud - 1) / baud)
                                                                    : SHORTEST_INTERVAL_MS;
}

class Schedule {
 public:
  // The first reading comes one interval from now.
  void start(uint32_t now, uint16_t interval_ms) {
    interval_ms_ = interval_ms;
    due_ = now + interval_ms;
  }

  // True once for each reading. Turns that were missed altogether are left out, not made up for.
  bool due(uint32_t now) {
    if (!reached(now, due_)) return false;
    due_ += interval_ms_;
    if (reached(now, due_)) due_ = now + interval_ms_;
    return true;
  }

  uint16_t interval_ms() const { return interval_ms_; }

 private:
  uint32_t due_ = 0;
  uint16_t interval_ms_ = LONGEST_INTERVAL_MS;
};

}  // namespace powermon

#endif
