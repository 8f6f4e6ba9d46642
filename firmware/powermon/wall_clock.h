// Unix time, once the host has said it: a point in time and the uptime that belonged to it.
#ifndef POWERMON_WALL_CLOCK_H
#define POWERMON_WALL_CLOCK_H

#include <stdint.h>

namespace powermon {

struct UnixTime {
  uint32_t s;
  uint16_t ms;
};

class WallClock {
 public:
  bool known() const { return known_; }

  void set(UnixTime time, uint32_t uptime_ms) {
    known_ = true;
    time_ = time;
    uptime_ms_ = uptime_ms;
  }

  // Call it more often than every 24 days: keeps the rollover of the uptime out of the difference.
  void keep(uint32_t now) {
    if (known_ && now - uptime_ms_ > DAY_MS) set(at(now), now);
  }

  // The time at an uptime at most 24 days before or after the last `set` or `keep`.
  UnixTime at(uint32_t uptime_ms) const {
    int32_t ms = (int32_t)(uptime_ms - uptime_ms_) + time_.ms;
    int32_t s = ms / 1000;
    int16_t rest = (int16_t)(ms - s * 1000);
    if (rest < 0) {
      rest += 1000;
      s--;
    }
    return UnixTime{time_.s + (uint32_t)s, (uint16_t)rest};
  }

 private:
  static constexpr uint32_t DAY_MS = 86400000UL;

  bool known_ = false;
  UnixTime time_ = {0, 0};
  uint32_t uptime_ms_ = 0;
};

}  // namespace powermon

#endif
