// The board without its hardware: samples and lines of the host in, lines to the host out. Time is an argument.
#ifndef POWERMON_BOARD_H
#define POWERMON_BOARD_H

#include <stdint.h>

#include "buzzer.h"
#include "config.h"
#include "frame.h"
#include "ina219.h"
#include "message.h"
#include "reading.h"
#include "replies.h"
#include "ring.h"
#include "schedule.h"
#include "wall_clock.h"

namespace powermon {

constexpr uint16_t SHORTEST_MS = shortest_interval_ms(BAUD, READING_BYTES);
constexpr uint16_t SHORTEST_WITH_TIME_MS = shortest_interval_ms(BAUD, READING_BYTES + WALL_TIME_BYTES);

static_assert(sizeof("{\"hello\":\"powermon\",\"proto\":1,\"fw\":\"" POWERMON_VERSION "\",\"id\":\"" POWERMON_ID
                     "\",\"boot\":4294967295,\"interval_ms\":60000,\"buffer\":250,\"oldest\":4294967295,\"seq\":4294967295,"
                     "\"range\":{\"v\":[0,26],\"a\":[-21.334,21.334]},\"crc\":\"9F3C\"}\n") - 1 <= MAX_FRAME,
              "the longest hello must fit into a frame: one that does not is never sent");
static_assert(INTERVAL_MS >= SHORTEST_MS && INTERVAL_MS <= LONGEST_INTERVAL_MS, "the line cannot carry POWERMON_INTERVAL_MS");

class Board {
 public:
  explicit Board(Ring<RING_SIZE> &ring) : ring_(ring) {}

  Schedule schedule;
  Buzzer buzzer;

  void start(uint32_t boot, uint32_t now) {
    boot_ = boot;
    sealed_ms_ = now;
    hello_waits_ = true;
    schedule.start(now, INTERVAL_MS);
  }

  // A new reading. It is kept whether or not the line has room for it.
  void measured(const Sample &sample) {
    if (ring_.push(sample)) say_gone(ring_.oldest() - 1, boot_);
    wall_.keep(sample.ms);
  }

  // A line of the host.
  void hear(const char *line, uint8_t length, uint32_t now) {
    Message message = read_message(line, length, crc_due(now));
    bool returned = message.seal == Seal::Right && now - sealed_ms_ > SILENCE_MS;
    if (message.seal == Seal::Right) {
      crc_seen_ = true;
      sealed_ms_ = now;
    }
    switch (message.says) {
      case Says::Ack:
        if (message.boot == boot_) ring_.acknowledge(message.number);
        break;
      case Says::Nack: send_again(message); break;
      case Says::Order: obey(message, now); break;
      default: break;
    }
    if (returned) ring_.offer();  // after its line: an acknowledgement leaves less to offer
  }

  // The next line to send; false when there is nothing to say. Live readings are never kept waiting by more than one
  // other line: replies and they take turns, retransmissions get what is left.
  bool next_line(Frame &frame) {
    frame.clear();
    bool others_turn = !(live_turn_ && ring_.live_waits());
    live_turn_ = others_turn;
    return (others_turn && next_note(frame)) || next_reading(frame);
  }

  uint16_t readings_held() const { return ring_.count(); }

 private:
  // A host that has been silent for a minute is gone: a person at a serial monitor may type without checksums again.
  bool crc_due(uint32_t now) {
    if (crc_seen_ && now - sealed_ms_ > FORGET_HOST_MS) crc_seen_ = false;
    return crc_seen_;
  }

  void send_again(const Message &message) {
    Numbers numbers = message.numbers();
    for (uint32_t seq; numbers.next(seq);) {
      if (message.boot != boot_ || ring_.ask(seq) == Ask::Gone) say_gone(seq, message.boot);
    }
  }

  // When there is no room left, or the line that waits is about another boot, it is left out: the host asks again.
  void say_gone(uint32_t seq, uint32_t boot) {
    if (gone_.empty()) gone_boot_ = boot;
    if (gone_boot_ == boot) gone_.put(seq);
  }

  void obey(const Message &message, uint32_t now) {
    if (replies_.full()) return;  // not heard: the host says it again
    bool repeated = is_repeated(message, now);
    if (!repeated) outcome_ = carry_out(message, now);
    if (message.order == Order::Hello) {
      hello_waits_ = true;
      ring_.offer();
    }
    replies_.put(Reply{message.number, outcome_});
  }

  // Our reply was lost and the same line came again: the buzzer must not sound twice.
  bool is_repeated(const Message &message, uint32_t now) {
    bool repeated = message.seal == Seal::Right && obeyed_ && message.number == order_ && message.digest == digest_ &&
                    now - order_ms_ < REPEAT_MS;
    obeyed_ = message.seal == Seal::Right;
    order_ = message.number;
    digest_ = message.digest;
    order_ms_ = now;
    return repeated;
  }

  Outcome carry_out(const Message &message, uint32_t now) {
    switch (message.order) {
      case Order::SetInterval: return set_interval(message.value_ms, now);
      case Order::SetTime: return set_time(message.epoch_ms, now);
      case Order::Buzzer: return buzz(message, now);
      case Order::Unknown: return Outcome::UnknownOrder;
      default: return Outcome::Ok;  // hello, ping; reset_energy: the host counts energy, we have nothing to reset
    }
  }

  Outcome set_interval(const Argument &value_ms, uint32_t now) {
    if (!value_ms.within(SHORTEST_MS, LONGEST_INTERVAL_MS)) return Outcome::BadInterval;
    uint16_t interval_ms = (uint16_t)value_ms.low_32();
    if (interval_ms != schedule.interval_ms()) schedule.start(now, interval_ms);  // said often, it must not keep us from measuring
    return Outcome::Ok;
  }

  Outcome set_time(const Argument &epoch_ms, uint32_t now) {
    if (epoch_ms.given != Given::Usable || epoch_ms.number.head < FIRST_EPOCH_S) return Outcome::BadTime;
    wall_.set(UnixTime{epoch_ms.number.head, epoch_ms.number.tail}, now);
    return Outcome::Ok;
  }

  Outcome buzz(const Message &message, uint32_t now) {
    if (!message.on_ms.within(1, LONGEST_BEEP_MS)) return Outcome::BadLength;
    bool once = message.times.given == Given::No;
    if (!once && !message.times.within(1, MOST_BEEPS)) return Outcome::BadTimes;
    buzzer.start((uint16_t)message.on_ms.low_32(), once ? 1 : (uint8_t)message.times.low_32(), now);
    return Outcome::Ok;
  }

  bool next_note(Frame &frame) {
    if (!replies_.empty()) {
      put_reply(frame, replies_.take(), SHORTEST_MS);
    } else if (hello_waits_) {
      hello_waits_ = false;
      put_hello(frame);
    } else if (!gone_.empty()) {
      put_gone(frame);
    }
    return frame.length() > 0;
  }

  bool next_reading(Frame &frame) {
    uint32_t seq;
    Sample sample;
    bool live = ring_.take_live(seq, sample);
    if (!live && !ring_.take_again(seq, sample)) return false;
    UnixTime time = wall_.at(sample.ms);
    bool with_time = wall_.known() && schedule.interval_ms() >= SHORTEST_WITH_TIME_MS;
    put_reading(frame, values_of(sample), with_time ? &time : nullptr, sample.ms, seq, sample.status(), !live);
    return true;
  }

  void put_hello(Frame &frame) {
    frame.text(PSTR("{\"hello\":\"powermon\",\"proto\":1,\"fw\":\"" POWERMON_VERSION "\",\"id\":\"" POWERMON_ID "\",\"boot\":"));
    frame.number(boot_);
    frame.text(PSTR(",\"interval_ms\":"));
    frame.number(schedule.interval_ms());
    frame.text(PSTR(",\"buffer\":"));
    frame.number(RING_SIZE);
    frame.text(PSTR(",\"oldest\":"));
    frame.number(ring_.oldest());
    frame.text(PSTR(",\"seq\":"));
    frame.number(ring_.next());
    put_range(frame);
    frame.seal();
  }

  static void put_range(Frame &frame) {
    frame.text(PSTR(",\"range\":{\"v\":[0,"));
    frame.number(MOST_VOLTS);
    frame.text(PSTR("],\"a\":["));
    frame.fixed(-(int32_t)MOST_MILLIAMPS, 3);
    frame.put(',');
    frame.fixed(MOST_MILLIAMPS, 3);
    frame.text(PSTR("]}"));
  }

  void put_gone(Frame &frame) {
    frame.text(PSTR("{\"gone\":["));
    for (uint8_t i = 0; i < MAX_NACK && !gone_.empty(); i++) {
      if (i) frame.put(',');
      frame.number(gone_.take());
    }
    frame.text(PSTR("],\"boot\":"));
    frame.number(gone_boot_);
    frame.seal();
  }

  static constexpr uint32_t FORGET_HOST_MS = 60000;
  static constexpr uint32_t SILENCE_MS = 10000;  // a host that was silent for longer may have missed anything
  static constexpr uint32_t REPEAT_MS = 10000;
  static constexpr uint32_t FIRST_EPOCH_S = 1000000000UL;  // 2001-09-09: before that a time stamp means "no clock"

  Ring<RING_SIZE> &ring_;
  uint32_t boot_ = 0;
  uint32_t sealed_ms_ = 0;  // when the last line with a right checksum came, or the start
  uint32_t order_ = 0, order_ms_ = 0;
  uint32_t gone_boot_ = 0;
  uint16_t digest_ = 0;
  Outcome outcome_ = Outcome::Ok;
  bool crc_seen_ = false, hello_waits_ = false, obeyed_ = false, live_turn_ = false;
  Queue<Reply, 4> replies_;
  Queue<uint32_t, 2 * MAX_NACK> gone_;
  WallClock wall_;
};

}  // namespace powermon

#endif
