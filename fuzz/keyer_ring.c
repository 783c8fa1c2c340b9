/* What the keyer reads from a ring that its writer has taken over: every message lies in bounds, a broken
 * ring is emptied, and an honest writer is served again afterwards. */
#include "keyer/keyer_internal.h"
#include "proc/ring_form.h"

enum { WAY = 8192, MAX = 4096 };

static struct bw_ring_end *end_open(struct bw_ring *ring, enum bw_ring_side side)
{
	struct bw_ring_end *e;

	MUST(bw_ring_end_open(ring, side, &e) == BW_OK);
	return e;
}

static void requests_take(struct bw_ring_end *e)
{
	static char bytes[MAX];
	struct bw_keyer_request r;
	enum bw_err taken;
	uint64_t id;
	size_t n;

	/* Each takes at least its length's four bytes. */
	for (int i = 0; (taken = bw_ring_take(e, bytes, &n)) != BW_EAGAIN; i++) {
		MUST(i <= WAY / 4);
		if (taken != BW_OK)
			continue;
		MUST(n <= MAX);
		if (keyer_request_decode(bw_str_make(bytes, n), &id, &r) == BW_OK && r.input.n)
			MUST(r.input.p > bytes && r.input.p + r.input.n <= bytes + n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bw_ring *ring;
	struct bw_ring_end *writer, *keyer;
	uint64_t places[2];
	char bytes[MAX];
	size_t n;

	if (!ring)
		MUST(bw_ring_new("fuzz", WAY, MAX, &ring) == BW_OK);
	if (size < sizeof places || size - sizeof places > WAY)
		return 0;
	writer = end_open(ring, BW_RING_ASKING);
	memset(writer->head, 0, RING_HEAD_BYTES + 2 * WAY);
	keyer = end_open(ring, BW_RING_ANSWERING);
	memcpy(places, data, sizeof places);
	memcpy(writer->out, data + sizeof places, size - sizeof places);
	atomic_store(&writer->head->ways[BW_RING_ASKING].put, places[0]);
	atomic_store(&writer->head->ways[BW_RING_ANSWERING].taken, places[1]);
	requests_take(keyer);
	if (bw_ring_put(keyer, BW_STR("answer")) == BW_ECORRUPT)
		MUST(bw_ring_put(keyer, BW_STR("answer")) == BW_OK);
	bw_ring_end_close(writer);
	writer = end_open(ring, BW_RING_ASKING);
	bw_ring_skip(keyer);
	MUST(bw_ring_put(writer, BW_STR("request")) == BW_OK);
	MUST(bw_ring_take(keyer, bytes, &n) == BW_OK && bw_str_eq(bw_str_make(bytes, n), BW_STR("request")));
	bw_ring_end_close(writer);
	bw_ring_end_close(keyer);
	return 0;
}
