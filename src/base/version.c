/* Alone in its file, so that a program of another version can be linked from the same parts. */
#include "base/version.h"

const char bw_version[] = BW_VERSION;
