// The buzzer's pattern over time: so many times on, each followed by as long a pause. Never waits.
#ifndef POWERMON_BUZZER_H
#define POWERMON_BUZZER_H

#include <stdint.h>

#include "schedule.h"

namespace powermon {

constexpr uint16_t LONGEST_BEEP_MS = 5000;
constexpr uint8_t MOST_BEEPS = 10;

class Buzzer {
 public:
  // A new pattern replaces one that is going on.
  void start(uint16_t on_ms, uint8_t times, uint32_t now) {
    on_ms_ = on_ms;
    changes_left_ = (uint8_t)(2 * times);
    next_change_ = now;
    sounding_ = false;
  }

  // Whether it sounds at this moment.
  bool sounding(uint32_t now) {
    if (changes_left_ && reached(now, next_change_)) {
      changes_left_--;
      sounding_ = changes_left_ & 1;
      next_change_ = now + on_ms_;
    }
    return sounding_;
  }

 private:
  uint32_t next_change_ = 0;
  uint16_t on_ms_ = 0;
  uint8_t changes_left_ = 0;
  bool sounding_ = false;
};

}  // namespace powermon

#endif
