// Constant text that stays in flash: on an AVR a plain literal would cost RAM.
#ifndef POWERMON_FLASH_TEXT_H
#define POWERMON_FLASH_TEXT_H

#if defined(ARDUINO)
#include <avr/pgmspace.h>
#else
#include <stdint.h>
#include <string.h>
#define PROGMEM
#define PSTR(text) (text)
#define pgm_read_byte(at) (*(const uint8_t *)(at))
#define pgm_read_dword(at) (*(const uint32_t *)(at))
#define strlen_P strlen
#define memcmp_P memcmp
#define strchr_P strchr
#endif

#endif
