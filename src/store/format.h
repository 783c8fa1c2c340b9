/* What is stored goes by this number, which goes up when its meaning changes. */
#pragma once

enum {
	BW_STORE_FORMAT = 2,
	BW_STORE_FORMAT_OLDEST = 1, /* that is taken over as it is opened: another fingerprint (state.h) */
};
