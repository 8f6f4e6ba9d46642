// What the board has to say besides readings, until the line has room for it.
#ifndef POWERMON_REPLIES_H
#define POWERMON_REPLIES_H

#include <stdint.h>

#include "buzzer.h"
#include "frame.h"
#include "schedule.h"

namespace powermon {

enum class Outcome : uint8_t { Ok, BadInterval, BadTime, BadLength, BadTimes, UnknownOrder };

struct Reply {
  uint32_t order;
  Outcome outcome;
};

inline void put_error(Frame &frame, Outcome outcome, uint16_t shortest_ms) {
  switch (outcome) {
    case Outcome::BadInterval:
      frame.text(PSTR("value_ms must be "));
      frame.number(shortest_ms);
      frame.text(PSTR(".."));
      return frame.number(LONGEST_INTERVAL_MS);
    case Outcome::BadTime: return frame.text(PSTR("epoch_ms must be after 2001"));
    case Outcome::BadLength:
      frame.text(PSTR("on_ms must be 1.."));
      return frame.number(LONGEST_BEEP_MS);
    case Outcome::BadTimes:
      frame.text(PSTR("times must be 1.."));
      return frame.number(MOST_BEEPS);
    default: return frame.text(PSTR("unknown command"));
  }
}

inline void put_reply(Frame &frame, Reply reply, uint16_t shortest_ms) {
  frame.text(PSTR("{\"ack\":"));
  frame.number(reply.order);
  if (reply.outcome == Outcome::Ok) {
    frame.text(PSTR(",\"result\":\"ok\""));
  } else {
    frame.text(PSTR(",\"result\":\"error\",\"error\":\""));
    put_error(frame, reply.outcome, shortest_ms);
    frame.put('"');
  }
  frame.seal();
}

// First in, first out. One more than there is room for is forgotten: the host asks or orders again.
template <class T, uint8_t SIZE>
class Queue {
 public:
  bool empty() const { return count_ == 0; }
  bool full() const { return count_ == SIZE; }
  uint8_t count() const { return count_; }

  void put(const T &item) {
    if (full()) return;
    items_[(first_ + count_) % SIZE] = item;
    count_++;
  }

  T take() {
    T item = items_[first_];
    first_ = (first_ + 1) % SIZE;
    count_--;
    return item;
  }

 private:
  T items_[SIZE];
  uint8_t first_ = 0, count_ = 0;
};

}  // namespace powermon

#endif
