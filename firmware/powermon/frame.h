// One line on its way out, written with integer arithmetic only.
#ifndef POWERMON_FRAME_H
#define POWERMON_FRAME_H

#include <stdint.h>

#include "checksum.h"
#include "flash_text.h"

namespace powermon {

constexpr uint8_t MAX_FRAME = 216;  // the longest line is a hello: board.h counts it; a reading with a wall clock has at most 145

static const uint32_t TENS[] PROGMEM = {1000000000, 100000000, 10000000, 1000000, 100000, 10000, 1000, 100, 10};

// A line that does not fit stays without its end and is not sent: `length()` is then 0.
class Frame {
 public:
  void clear() {
    length_ = 0;
    whole_ = true;
  }

  const char *bytes() const { return bytes_; }
  uint8_t length() const { return whole_ ? length_ : 0; }

  void put(char c) {
    if (length_ < MAX_FRAME) {
      bytes_[length_++] = c;
    } else {
      whole_ = false;
    }
  }

  // `flash`: made with PSTR.
  void text(const char *flash) {
    for (char c; (c = (char)pgm_read_byte(flash)) != 0; flash++) put(c);
  }

  void number(uint32_t value) {
    char digits[10];
    uint8_t count = to_digits(value, digits);
    for (uint8_t i = 0; i < count; i++) put(digits[i]);
  }

  // `value` counts units of 10^-decimals; zeros at the end are left out: fixed(5020, 3) is 5.02.
  void fixed(int32_t value, uint8_t decimals) {
    if (value < 0) put('-');
    char digits[10];
    uint8_t count = to_digits(value < 0 ? 0 - (uint32_t)value : (uint32_t)value, digits);
    uint8_t whole = count > decimals ? count - decimals : 0;
    uint8_t leading = count < decimals ? decimals - count : 0;  // zeros between the point and the first digit
    if (whole == 0) put('0');
    for (uint8_t i = 0; i < whole; i++) put(digits[i]);
    while (count > whole && digits[count - 1] == '0') count--;
    if (count == whole) return;
    put('.');
    while (leading--) put('0');
    for (uint8_t i = whole; i < count; i++) put(digits[i]);
  }

  // Ends the object that was opened with '{': checksum over everything so far, '}' and the line end.
  void seal() {
    uint16_t sum = checksum(bytes_, length_);
    text(PSTR(",\"crc\":\""));
    for (int8_t shift = 12; shift >= 0; shift -= 4) put(hex_digit((sum >> shift) & 0x0F));
    text(PSTR("\"}\n"));
  }

 private:
  // By subtraction: a 32-bit division costs an AVR about 600 cycles a digit, this about 60.
  static uint8_t to_digits(uint32_t value, char *digits) {
    uint8_t count = 0;
    for (uint8_t place = 0; place < sizeof TENS / sizeof *TENS; place++) {
      uint32_t ten = pgm_read_dword(&TENS[place]);
      char digit = '0';
      for (; value >= ten; value -= ten) digit++;
      if (count || digit != '0') digits[count++] = digit;
    }
    digits[count++] = (char)('0' + value);
    return count;
  }

  char bytes_[MAX_FRAME];
  uint8_t length_ = 0;
  bool whole_ = true;
};

}  // namespace powermon

#endif
