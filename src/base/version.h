/* Which program this is. */
#pragma once

/* "0.1.0" */
extern const char bw_version[];
