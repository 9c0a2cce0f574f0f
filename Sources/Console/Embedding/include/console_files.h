#ifndef CONSOLE_FILES_H
#define CONSOLE_FILES_H

#include <stddef.h>

/// A file of the web console as it was when the program was built.
typedef struct {
  /// Beneath Files: `assets/main.js`.
  const char *path;
  const unsigned char *bytes;
  size_t count;
} console_file;

/// How many there are.
size_t console_file_count(void);

/// - Parameter index: Below the count.
console_file console_file_at(size_t index);

#endif
