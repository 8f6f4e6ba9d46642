// Reads JSON in place: no copies, no heap, no recursion (a board with 2 kB has no stack for it).
// Knows the whole grammar; lists and objects within each other to a depth of 8.
#ifndef POWERMON_JSON_H
#define POWERMON_JSON_H

#include <stdint.h>

#include "flash_text.h"

namespace powermon {

// Part of a line. A text is kept without its quotes and with its escapes as they came.
struct Span {
  const char *at;
  uint8_t length;

  // `flash`: made with PSTR.
  bool is(const char *flash) const { return length == strlen_P(flash) && memcmp_P(at, flash, length) == 0; }
};

// A whole number from 0 to 4294967295999 in two parts, as an AVR has no cheap 64 bits: head * 1000 + tail.
struct Natural {
  uint32_t head;
  uint16_t tail;

  bool fits_32() const { return head < 4294967UL || (head == 4294967UL && tail <= 295); }
  uint32_t low_32() const { return head * 1000 + tail; }
};

enum class Is : uint8_t { Natural, Text, List, Other };

struct Value {
  Is is;
  union {
    Natural natural;
    Span span;  // of a text or list
  };
};

class Scanner {
 public:
  explicit Scanner(Span span) : at_(span.at), end_(span.at + span.length) {}

  bool at_end() const { return at_ == end_; }

  void skip_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\r' || *at_ == '\n')) at_++;
  }

  bool take(char c) {
    if (!next_is(c)) return false;
    at_++;
    return true;
  }

  // `take` with space allowed on both sides.
  bool take_spaced(char c) {
    skip_space();
    bool taken = take(c);
    skip_space();
    return taken;
  }

  // The name of a member and its colon.
  bool key(Span &name) { return text(name) && take_spaced(':'); }

  bool value(Value &found) {
    if (next_is('"')) {
      found.is = Is::Text;
      return text(found.span);
    }
    const char *start = at_;
    if (next_is('[') || next_is('{')) {
      found.is = *at_ == '[' ? Is::List : Is::Other;
      if (!nested()) return false;
      found.span = Span{start, (uint8_t)(at_ - start)};
      return true;
    }
    return scalar(found);
  }

 private:
  static constexpr uint8_t MOST_LEVELS = 8;

  bool next_is(char c) const { return at_ != end_ && *at_ == c; }

  bool scalar(Value &found) {
    found.is = Is::Other;
    if (next_is('"')) return text(found.span);
    if (next_is('t')) return literal(PSTR("true"));
    if (next_is('f')) return literal(PSTR("false"));
    if (next_is('n')) return literal(PSTR("null"));
    bool natural;
    if (!number(found.natural, natural)) return false;
    if (natural) found.is = Is::Natural;
    return true;
  }

  bool literal(const char *flash) {
    for (char c; (c = (char)pgm_read_byte(flash)) != 0; flash++) {
      if (!take(c)) return false;
    }
    return true;
  }

  // A list or object with everything in it. One bit for each level that is open: 1 is an object.
  bool nested() {
    uint8_t depth = 0, objects = 0;
    for (;;) {
      Value ignored;
      if (next_is('[') || next_is('{')) {
        if (depth++ == MOST_LEVELS) return false;
        objects = (uint8_t)(objects << 1) | (*at_++ == '{');
        skip_space();
        if (!next_is(end_of(objects))) {
          if ((objects & 1) && !key(ignored.span)) return false;
          continue;
        }
      } else if (!scalar(ignored)) {
        return false;
      }
      for (skip_space(); depth && take(end_of(objects)); skip_space()) {
        depth--;
        objects >>= 1;
      }
      if (depth == 0) return true;
      if (!take_spaced(',') || ((objects & 1) && !key(ignored.span))) return false;
    }
  }

  static char end_of(uint8_t objects) { return objects & 1 ? '}' : ']'; }

  bool text(Span &found) {
    if (!take('"')) return false;
    const char *start = at_;
    while (at_ != end_ && *at_ != '"') {
      if ((uint8_t)*at_ < ' ') return false;
      if (*at_++ == '\\' && !escape()) return false;
    }
    found = Span{start, (uint8_t)(at_ - start)};
    return take('"');
  }

  bool escape() {
    if (at_ == end_) return false;
    char c = *at_++;
    if (c != 'u') return c && strchr_P(PSTR("\"\\/bfnrt"), c);
    for (uint8_t i = 0; i < 4; i++, at_++) {
      if (at_ == end_ || !is_hex(*at_)) return false;
    }
    return true;
  }

  static bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  bool number(Natural &found, bool &natural) {
    found = Natural{0, 0};
    natural = !take('-');
    if (at_ == end_ || !is_digit(*at_)) return false;
    if (!take('0')) natural &= digits(found);
    if (take('.')) {
      natural = false;
      if (!skip_digits()) return false;
    }
    if (take('e') || take('E')) {
      natural = false;
      if (!take('+')) take('-');
      if (!skip_digits()) return false;
    }
    return true;
  }

  bool skip_digits() {
    const char *start = at_;
    while (at_ != end_ && is_digit(*at_)) at_++;
    return at_ != start;
  }

  // All digits that come; false when the number is too large to be kept. The last three wait in `tail` until more
  // come: without a division, which costs an AVR 200 cycles.
  bool digits(Natural &n) {
    bool fits = true;
    uint8_t tail[3] = {0, 0, 0};
    for (; at_ != end_ && is_digit(*at_); at_++) {
      if (n.head > 429496728UL) fits = false;
      n.head = (n.head << 3) + (n.head << 1) + tail[0];
      tail[0] = tail[1];
      tail[1] = tail[2];
      tail[2] = (uint8_t)(*at_ - '0');
    }
    n.tail = (uint16_t)(tail[0] * 100 + tail[1] * 10 + tail[2]);
    return fits;
  }

  const char *at_;
  const char *end_;
};

}  // namespace powermon

#endif
