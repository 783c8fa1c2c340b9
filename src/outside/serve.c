/* What the outside is asked, and who of it answers. */
#include <stdlib.h>

#include "base/sys.h"
#include "outside/outside_internal.h"

static const struct bw_message_member request_members[] = {
    BW_MESSAGE_NUMBER(struct bw_outside_request, op, 1, BW_OUTSIDE_OPS - 1),
    BW_MESSAGE_NUMBER(struct bw_outside_request, length, 2, 1024),
    BW_MESSAGE_TEXT(struct bw_outside_request, where),
    BW_MESSAGE_TEXT(struct bw_outside_request, pin),
    BW_MESSAGE_TEXT(struct bw_outside_request, label),
    BW_MESSAGE_TEXT(struct bw_outside_request, context),
    BW_MESSAGE_TEXT(struct bw_outside_request, input),
};
static const struct bw_message_form request_form = BW_MESSAGE_FORM(request_members);

const struct bw_errands bw_outside_errands = {
    .who = "the outside",
    .request = &request_form,
    .request_bytes = sizeof(struct bw_outside_request),
    .message_max = 64 * 1024,
    .out_max = BW_OUTSIDE_BODY_MAX,
    .patience_ms = 15000, /* with a token, or with a name that nobody resolves: HTTPS has a shorter limit of its own */
};

enum { FETCH_MS = 5000 }; /* of a provider's document: whoever asked waits for two of them */

struct serving {
	const struct bw_outside_config *config;
	struct https *proxies, *providers;
	struct tokens *tokens;
};

static struct bw_str place(const void *request)
{
	return ((const struct bw_outside_request *)request)->where;
}

/* Whose keys are fetched, and from where, customers say, and whoever sends a token makes us: keys that are kept elsewhere never wait
 * for it. */
static bool is_lesser(const void *request)
{
	return ((const struct bw_outside_request *)request)->op == BW_OUTSIDE_FETCH;
}

static void reach(void *ctx, const void *request, int64_t deadline_ms, struct bw_arena *arena,
    struct bw_errand_answer *a)
{
	const struct bw_outside_request *r = request;
	const struct serving *s = ctx;

	(void)deadline_ms;
	if (r->op == BW_OUTSIDE_HTTPS)
		a->result = https_exchange(s->proxies, r, arena, a);
	else if (r->op == BW_OUTSIDE_FETCH)
		a->result = https_exchange(s->providers, r, arena, a);
	else
		a->result = tokens_answer(s->tokens, r, arena, a);
}

static enum bw_err start(void *ctx)
{
	struct serving *s = ctx;

	s->tokens = tokens_new(s->config);
	TRY(https_new(s->config, s->config->ca_pem, bw_str_set(s->config->ca_pem), s->config->timeout_ms, &s->proxies));
	TRY(https_new(s->config, s->config->idp_ca_pem, false, FETCH_MS, &s->providers));
	/* Names that nobody resolves shall not hold a thread for longer than this. */
	(void)setenv("RES_OPTIONS", "timeout:1 attempts:1", 1);
	return bw_sandbox_enter_loader();
}

int bw_outside_run(const struct bw_proc_self *self)
{
	static struct serving s;
	const struct bw_outside *outside = self->ctx;
	const struct bw_errand_service service = {.kind = &bw_outside_errands,
	    .channels = &outside->channels,
	    .threads = 32,
	    .most = 256,
	    .channel_threads = 32, /* all channels are the API's */
	    .channel_most = 256,
	    .place = place,
	    .most_there = 8, /* waiting ones too */
	    .lesser = is_lesser,
	    .lesser_threads = 16,
	    .lesser_most = 128,
	    .idle_ms = BW_ERRAND_IDLE_MS,
	    .start = start,
	    .run = reach,
	    .ctx = &s};

	s.config = &outside->config;
	bw_errand_serve(&service, self);
}
