#include "crypto/x509_parts.h"

#include <time.h>

int64_t x509_time_ms(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) * 1000 : 0;
}

struct bw_str x509_serial_text(X509 *cert, struct bw_arena *arena)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	struct bw_buf text;
	struct bw_str out;

	bw_buf_init(&text, 1024);
	for (int i = 0; i < ASN1_STRING_length(serial); i++) {
		if (i)
			bw_buf_put_c(&text, ':');
		bw_buf_put_hex(&text, ASN1_STRING_get0_data(serial) + i, 1);
	}
	out = bw_arena_str(arena, bw_buf_str(&text));
	bw_buf_free(&text);
	return out;
}
