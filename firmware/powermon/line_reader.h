// Bytes in, lines out; one fixed buffer.
#ifndef POWERMON_LINE_READER_H
#define POWERMON_LINE_READER_H

#include <stdint.h>

namespace powermon {

constexpr uint8_t MAX_COMMAND = 128;  // bytes of a line to the board, without its end

class LineReader {
 public:
  // True when `byte` ended a line: it stays in `line()` until the next byte. A longer line is dropped up to its end.
  bool feed(char byte) {
    if (ended_) {
      length_ = 0;
      ended_ = false;
    }
    if (byte != '\n') {
      keep(byte);
      return false;
    }
    ended_ = true;
    if (length_ && length_ <= MAX_COMMAND + 1 && line_[length_ - 1] == '\r') length_--;
    if (length_ > MAX_COMMAND) too_long_++;
    return length_ > 0 && length_ <= MAX_COMMAND;
  }

  const char *line() const { return line_; }
  uint8_t length() const { return length_; }
  uint16_t too_long() const { return too_long_; }

 private:
  // One byte more than a line may have, for a '\r'; the length counts one further, as the sign of "too long".
  void keep(char byte) {
    if (length_ <= MAX_COMMAND) line_[length_] = byte;
    if (length_ <= MAX_COMMAND + 1) length_++;
  }

  char line_[MAX_COMMAND + 1];
  uint8_t length_ = 0;
  bool ended_ = false;
  uint16_t too_long_ = 0;
};

}  // namespace powermon

#endif
