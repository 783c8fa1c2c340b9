#include "agree.h"

#include <stdio.h>

static void verdict_tell(const char *whose, const struct bw_verdict *v)
{
	fprintf(stderr, "%s: decision %d layer %d policy \"%.*s\" statement %d\n", whose, v->decision,
	    v->layer, BW_FMT(v->policy_id), v->statement);
}

static void difference_tell(const struct world *w, const struct bw_policy_request *r,
    const struct bw_verdict *engine, const struct bw_verdict *naive)
{
	struct bw_buf reasons;

	bw_buf_init(&reasons, 1 << 24);
	(void)bw_policy_explain(&w->layers, r, &reasons);
	(void)fwrite(reasons.p, 1, reasons.n, stderr);
	bw_buf_free(&reasons);
	verdict_tell("\nengine", engine);
	verdict_tell("naive", naive);
}

static bool verdicts_same(const struct bw_verdict *a, const struct bw_verdict *b)
{
	return a->decision == b->decision && a->layer == b->layer && a->statement == b->statement &&
	       bw_str_eq(a->policy_id, b->policy_id);
}

bool agree_once(struct chance *c, size_t questions, struct agreement *sum)
{
	bool same = true;
	struct world w;

	world_begin(&w, c);
	for (size_t i = 0; same && i < questions; i++) {
		struct bw_verdict engine, naive;
		struct question_data q;

		question_make(c, &q);
		engine = bw_policy_evaluate(&w.layers, &q.request);
		naive = naive_evaluate(&w.naive, &q.request);
		sum->comparisons++;
		sum->seen[engine.decision]++;
		same = verdicts_same(&engine, &naive);
		if (!same)
			difference_tell(&w, &q.request, &engine, &naive);
	}
	world_end(&w);
	return same;
}
