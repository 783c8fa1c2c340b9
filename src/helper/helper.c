/* What the helper is asked, and how it fetches. */
#include "helper/helper.h"

#include "base/sys.h"
#include "net/authorities.h"
#include "net/fetch.h"
#include "net/tls.h"

static const struct bw_message_member request_members[] = {
    BW_MESSAGE_NUMBER(struct bw_helper_request, answer_max, 4, BW_HELPER_BODY_MAX),
    BW_MESSAGE_TEXT(struct bw_helper_request, url),
    BW_MESSAGE_TEXT_OR_NONE(struct bw_helper_request, authorization),
    BW_MESSAGE_TEXT_OR_NONE(struct bw_helper_request, form),
};
static const struct bw_message_form request_form = BW_MESSAGE_FORM(request_members);

const struct bw_errands bw_helper_errands = {
    .who = "the helper",
    .request = &request_form,
    .request_bytes = sizeof(struct bw_helper_request),
    .message_max = 192 * 1024, /* a body with its frame; below what a socket takes at once */
    .out_max = BW_HELPER_BODY_MAX,
    .patience_ms = 10000,
};

struct serving {
	const struct bw_helper *is;
	struct ssl_ctx_st *trust;
};

static enum bw_err trust_make(struct serving *s)
{
	struct bw_buf pem;
	enum bw_err e = BW_OK;

	bw_buf_init(&pem, BW_AUTHORITIES_MAX);
	bw_authorities_read(&pem);
	if (pem.n == 0)
		bw_log(BW_LOG_WARN, "this system has no list of certification authorities: no public "
		                    "identity provider is trusted");
	bw_buf_put(&pem, s->is->ca_pem);
	if (pem.n)
		e = pem.failed ? BW_ETOOBIG : bw_tls_client_new(bw_buf_str(&pem), &s->trust);
	bw_buf_free(&pem);
	return e;
}

static bool host_listed(const struct bw_helper *h, struct bw_str host)
{
	if (!h->hosts || !h->hosts[0])
		return true;
	for (size_t i = 0; h->hosts[i]; i++)
		if (bw_str_eq_nocase(host, bw_str_c(h->hosts[i])))
			return true;
	return false;
}

static void fetch(void *ctx, const void *request, int64_t deadline_ms, struct bw_arena *arena,
    struct bw_errand_answer *a)
{
	const struct serving *s = ctx;
	const struct bw_helper_request *r = request;
	struct bw_fetch f = {.url = r->url, .authorization = r->authorization, .form = r->form, .answer_max = r->answer_max,
	    .deadline_ms = deadline_ms};
	struct bw_url url;

	a->result = bw_url_parse(r->url, &url);
	if (a->result != BW_OK)
		return;
	if (!host_listed(s->is, url.host))
		a->result = BW_EPERM;
	else if (!s->trust)
		a->result = BW_EIO;
	else
		a->result = bw_fetch(&f, s->trust, arena, &a->status, &a->out);
	if (a->result != BW_OK)
		bw_log(BW_LOG_WARN, "%.*s cannot be spoken to: %s", BW_FMT(url.authority),
		    bw_err_name(a->result));
}

static enum bw_err start(void *ctx)
{
	TRY(trust_make(ctx));
	TRY(bw_sandbox_enter());
	bw_sandbox_files_read();
	return BW_OK;
}

int bw_helper_run(const struct bw_proc_self *self)
{
	static struct serving s;
	const struct bw_helper *helper = self->ctx;
	const struct bw_errand_service service = {.kind = &bw_helper_errands,
	    .channels = &helper->channels,
	    .threads = 8,
	    .most = 256,
	    .channel_threads = 4,
	    .channel_most = 128,
	    .idle_ms = BW_ERRAND_IDLE_MS,
	    .start = start,
	    .run = fetch,
	    .ctx = &s};

	s.is = helper;
	bw_errand_serve(&service, self);
}
