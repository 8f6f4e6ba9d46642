// What a line of the host says: an acknowledgement, a request to send again, or an order.
#ifndef POWERMON_MESSAGE_H
#define POWERMON_MESSAGE_H

#include <stdint.h>

#include "checksum.h"
#include "json.h"

namespace powermon {

constexpr uint8_t MAX_NACK = 8;   // numbers in one nack
constexpr uint8_t CRC_TAIL = 14;  // ,"crc":"9F3C"}

enum class Says : uint8_t { Nothing, Ack, Nack, Order };
enum class Order : uint8_t { Unknown, Hello, Ping, SetInterval, SetTime, Buzzer, ResetEnergy };
enum class Seal : uint8_t { None, Right, Wrong };
enum class Given : uint8_t { No, Unusable, Usable };

// A member that should be a whole number, but may be missing or something else.
struct Argument {
  Given given = Given::No;
  Natural number = {0, 0};

  void set(const Value &value) {
    given = value.is == Is::Natural ? Given::Usable : Given::Unusable;
    if (given == Given::Usable) number = value.natural;
  }
  bool is_32() const { return given == Given::Usable && number.fits_32(); }
  uint32_t low_32() const { return number.low_32(); }
  bool within(uint32_t low, uint32_t high) const { return is_32() && low_32() >= low && low_32() <= high; }
};

// The numbers of a nack, one after the other, as they stand in the line.
class Numbers {
 public:
  explicit Numbers(Span list) : scan_(list) { scan_.take_spaced('['); }

  // False after the last, or at something that is no uint32.
  bool next(uint32_t &number) {
    Value value;
    if (!scan_.value(value)) return false;
    good_ = value.is == Is::Natural && value.natural.fits_32();
    if (!good_) return false;
    scan_.take_spaced(',');
    number = value.natural.low_32();
    return true;
  }

  // Whether a sound JSON list holds nothing but at most MAX_NACK uint32.
  bool are_good() {
    uint32_t number;
    uint8_t count = 0;
    while (next(number)) count++;
    return good_ && count <= MAX_NACK;
  }

 private:
  Scanner scan_;
  bool good_ = true;
};

// Small, as it lives on the stack. Holds parts of the line: valid as long as that is.
struct Message {
  Says says = Says::Nothing;
  Seal seal = Seal::None;
  Order order = Order::Unknown;
  uint16_t digest = 0;  // the line's checksum: the same order sent again has the same
  uint32_t boot = 0;    // of an ack or nack
  uint32_t number = 0;  // acknowledged, or the order's own
  Span list = {nullptr, 0};
  Argument value_ms, epoch_ms, on_ms, times;

  Numbers numbers() const { return Numbers(list); }
};

// The checksum at the end of a line, whatever else stands in it.
inline Seal seal_of(const char *line, uint8_t length, uint16_t &sum) {
  if (length < CRC_TAIL) return Seal::None;
  const char *tail = line + length - CRC_TAIL;
  if (memcmp_P(tail, PSTR(",\"crc\":\""), 8) != 0 || memcmp_P(tail + 12, PSTR("\"}"), 2) != 0) return Seal::None;
  sum = checksum(line, length - CRC_TAIL);
  for (uint8_t i = 0; i < 4; i++) {
    if (tail[8 + i] != hex_digit((sum >> (12 - 4 * i)) & 0x0F)) return Seal::Wrong;
  }
  return Seal::Right;
}

// Whether the bytes are UTF-8 as Unicode has it: no stray or missing continuation, no overlong form, no surrogate.
inline bool is_utf8(const char *bytes, uint8_t count) {
  const uint8_t *at = (const uint8_t *)bytes, *end = at + count;
  while (at != end) {
    uint8_t first = *at++;
    if (first < 0x80) continue;
    uint8_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    if (first < 0xC2 || first > 0xF4 || end - at < more) return false;
    uint8_t low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    uint8_t high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    for (; more--; at++, low = 0x80, high = 0xBF) {
      if (*at < low || *at > high) return false;
    }
  }
  return true;
}

class MessageReader {
 public:
  // `crc_due`: a line without a right checksum says nothing.
  void read(const char *line, uint8_t length, bool crc_due, Message &message) {
    message.seal = seal_of(line, length, message.digest);
    if (message.seal == Seal::Wrong || (crc_due && message.seal == Seal::None)) return;
    if (is_utf8(line, length) && members(Span{line, length}, message)) message.says = kind(message);
  }

 private:
  bool members(Span line, Message &message) {
    Scanner scan(line);
    if (!scan.take_spaced('{')) return false;
    if (!scan.take('}')) {
      do {
        Span name;
        Value value;
        if (!scan.key(name) || !scan.value(value)) return false;
        member(name, value, message);
      } while (scan.take_spaced(','));
      if (!scan.take('}')) return false;
    }
    scan.skip_space();
    return scan.at_end() && (!crc_given_ || message.seal == Seal::Right);
  }

  void member(Span name, const Value &value, Message &message) {
    if (name.is(PSTR("crc"))) {
      crc_given_ = true;
    } else if (name.is(PSTR("cmd"))) {
      cmd_ = value.is == Is::Text ? Given::Usable : Given::Unusable;
      if (value.is == Is::Text) message.order = order(value.span);
    } else if (name.is(PSTR("nack"))) {
      nack_ = value.is == Is::List && Numbers(value.span).are_good() ? Given::Usable : Given::Unusable;
      if (value.is == Is::List) message.list = value.span;
    } else if (Argument *argument = argument_of(name, message)) {
      argument->set(value);
    }
  }

  Argument *argument_of(Span name, Message &message) {
    if (name.is(PSTR("seq"))) return &seq_;
    if (name.is(PSTR("ack"))) return &ack_;
    if (name.is(PSTR("boot"))) return &boot_;
    if (name.is(PSTR("value_ms"))) return &message.value_ms;
    if (name.is(PSTR("epoch_ms"))) return &message.epoch_ms;
    if (name.is(PSTR("on_ms"))) return &message.on_ms;
    if (name.is(PSTR("times"))) return &message.times;
    return nullptr;
  }

  static Order order(Span name) {
    if (name.is(PSTR("hello"))) return Order::Hello;
    if (name.is(PSTR("ping"))) return Order::Ping;
    if (name.is(PSTR("set_interval"))) return Order::SetInterval;
    if (name.is(PSTR("set_time"))) return Order::SetTime;
    if (name.is(PSTR("buzzer"))) return Order::Buzzer;
    if (name.is(PSTR("reset_energy"))) return Order::ResetEnergy;
    return Order::Unknown;
  }

  Says kind(Message &message) {
    message.boot = boot_.low_32();
    if (cmd_ != Given::No) {
      message.number = seq_.low_32();
      return cmd_ == Given::Usable && seq_.is_32() ? Says::Order : Says::Nothing;
    }
    if (nack_ != Given::No) return nack_ == Given::Usable && boot_.is_32() ? Says::Nack : Says::Nothing;
    message.number = ack_.low_32();
    return ack_.is_32() && boot_.is_32() ? Says::Ack : Says::Nothing;
  }

  bool crc_given_ = false;
  Given cmd_ = Given::No, nack_ = Given::No;
  Argument seq_, ack_, boot_;
};

// What the line says; Nothing for everything that cannot be used. Not inlined: its caller's work must not sit on the
// stack together with its own.
__attribute__((noinline)) inline Message read_message(const char *line, uint8_t length, bool crc_due) {
  Message message;
  MessageReader().read(line, length, crc_due, message);
  return message;
}

}  // namespace powermon

#endif
