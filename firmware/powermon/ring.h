// The readings that the host has not yet confirmed to be on disk; the oldest is overwritten when there is no room.
#ifndef POWERMON_RING_H
#define POWERMON_RING_H

#include <stdint.h>

namespace powermon {

enum class Status : uint8_t { Ok, Saturated, SensorError };

enum class Ask : uint8_t { Held, NotYet, Gone };

// What the sensor said, as it said it: 8 bytes. The lowest three bits of the INA219's bus register are free for us.
struct Sample {
  uint32_t ms;
  uint16_t bus_bits;
  int16_t shunt;  // units of 10 uV

  static Sample of(uint32_t ms, uint16_t bus_4mv, int16_t shunt, Status status) {
    return Sample{ms, (uint16_t)(bus_4mv << 3 | (uint8_t)status << 1), shunt};
  }
  uint16_t bus_4mv() const { return bus_bits >> 3; }
  Status status() const { return (Status)(bus_bits >> 1 & 3); }
  bool asked() const { return bus_bits & 1; }
  void set_asked(bool asked) { bus_bits = (uint16_t)((bus_bits & ~1) | (asked ? 1 : 0)); }
};
static_assert(sizeof(Sample) == 8, "RAM: the ring is the largest thing in it");

// Every sample goes out once on its own (`take_live`), again when asked for, again when all is offered.
// Numbers count modulo 2^32; those in the ring are next - count … next - 1.
template <uint8_t SIZE>
class Ring {
 public:
  uint32_t next() const { return next_; }
  uint8_t count() const { return count_; }
  uint32_t oldest() const { return next_ - count_; }

  // True when the one that had to make room was asked for and had not been sent again: nobody will get number
  // `oldest() - 1` any more.
  bool push(const Sample &sample) {
    bool forsaken = count_ == SIZE && samples_[head_].asked();
    samples_[head_] = sample;
    head_ = head_ + 1 == SIZE ? 0 : head_ + 1;
    next_++;
    if (count_ < SIZE) count_++;
    if (unsent_ < count_) unsent_++;
    return forsaken;
  }

  // Everything up to `seq` is safe. A number that is not in the ring, or has not gone out yet, changes nothing:
  // nobody can have it on disk.
  void acknowledge(uint32_t seq) {
    uint32_t covered = seq - oldest() + 1;
    if (covered == 0 || covered > (uint8_t)(count_ - unsent_)) return;
    count_ -= (uint8_t)covered;
  }

  // What has not gone out for the first time will anyway, and so will what is being offered.
  Ask ask(uint32_t seq) {
    Sample *sample = find(seq);
    if (!sample) return (int32_t)(next_ - seq) > 0 ? Ask::Gone : Ask::NotYet;
    if (next_ - seq > unsent_ && !is_offered(seq)) {
      sample->set_asked(true);
      some_asked_ = true;
    }
    return Ask::Held;
  }

  // Everything that has gone out and is still held will be sent again, oldest first; once, also what was asked for.
  void offer() {
    offer_next_ = oldest();
    offer_end_ = next_ - unsent_;
    some_asked_ = false;
    for (uint8_t back = count_; back > unsent_; back--) find(next_ - back)->set_asked(false);
  }

  bool live_waits() const { return unsent_ > 0; }

  bool take_live(uint32_t &seq, Sample &sample) {
    if (!unsent_) return false;
    seq = next_ - unsent_--;
    sample = *find(seq);
    return true;
  }

  bool take_again(uint32_t &seq, Sample &sample) { return take_asked(seq, sample) || take_offered(seq, sample); }

 private:
  Sample *find(uint32_t seq) {
    uint32_t back = next_ - seq;  // 1: the newest
    if (back == 0 || back > count_) return nullptr;
    return &samples_[head_ >= back ? head_ - back : head_ + SIZE - back];
  }

  bool is_offered(uint32_t seq) const { return seq - offer_next_ < offer_left(); }
  uint32_t offer_left() const { return (int32_t)(offer_end_ - offer_next_) > 0 ? offer_end_ - offer_next_ : 0; }

  bool take_asked(uint32_t &seq, Sample &sample) {
    if (!some_asked_) return false;  // the search costs an AVR 0.1 ms
    for (uint8_t back = count_; back > unsent_; back--) {
      seq = next_ - back;
      Sample *found = find(seq);
      if (!found->asked()) continue;
      found->set_asked(false);
      sample = *found;
      return true;
    }
    some_asked_ = false;
    return false;
  }

  bool take_offered(uint32_t &seq, Sample &sample) {
    if ((int32_t)(oldest() - offer_next_) > 0) offer_next_ = oldest();  // acknowledged or overwritten since
    if (!offer_left()) {
      offer_end_ = offer_next_;  // lest the two are 2^31 apart one day
      return false;
    }
    seq = offer_next_++;
    sample = *find(seq);
    return true;
  }

  uint32_t next_ = 0;  // the first member: the simulated Uno of the tests presets it here
  uint32_t offer_next_ = 0, offer_end_ = 0;
  uint8_t head_ = 0, count_ = 0, unsent_ = 0;
  bool some_asked_ = false;
  Sample samples_[SIZE];
};

}  // namespace powermon

#endif
