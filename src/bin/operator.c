#include "bin/operator.h"

#include <stdio.h>
#include <unistd.h>

enum { TRIES_MAX = 10, AGAIN_US = 200 * 1000 };

bool operator_ask(const struct place *place, const struct bw_admin_request *r, struct bw_arena *arena, struct bw_admin_answer *answer,
    struct bw_seal_status *status)
{
	bool again = bw_str_eq(r->verb, BW_STR("status")) || bw_str_eq(r->verb, BW_STR("unseal"));
	enum bw_err e = bw_admin_ask(place->data, r, arena, answer);

	/* A sealed keyer begins anew to look for its root key: what does no harm twice is said to its successor. */
	for (int i = 0; again && e != BW_OK && e != BW_ENOTFOUND && i < TRIES_MAX; i++) {
		(void)usleep(AGAIN_US);
		e = bw_admin_ask(place->data, r, arena, answer);
	}
	if (e == BW_OK && bw_seal_status_decode(answer->status, arena, status) == BW_OK)
		return true;
	fprintf(stderr, e == BW_ENOTFOUND ? "bulwark: no server runs on %.*s\n" : "bulwark: the server on %.*s does not answer\n",
	    BW_FMT(place->data));
	return false;
}

void operator_show(const struct bw_seal_status *s)
{
	printf("%s, kind %.*s", s->sealed ? "sealed" : "unsealed", BW_FMT(s->kind));
	if (s->sealed && bw_str_set(s->asks))
		printf(", %lld of %lld %.*s%s said", (long long)s->given, (long long)s->wanted, BW_FMT(s->asks), s->wanted == 1 ? "" : "s");
	putchar('\n');
	fflush(stdout);
}

void operator_refused(const struct bw_admin_answer *a, const struct bw_seal_status *s)
{
	int word = bw_str_set(s->asks) ? (int)s->asks.n : 8;
	const char *name = bw_str_set(s->asks) ? s->asks.p : "root key";

	switch (a->result) {
	case BW_EPERM:
		fprintf(stderr, "bulwark: that is not the right %.*s\n", word, name);
		break;
	case BW_EINVAL:
		fprintf(stderr, "bulwark: that is no %.*s, or has a slip in it\n", word, name);
		break;
	case BW_EEXISTS:
		fprintf(stderr, "bulwark: that %.*s was said already\n", word, name);
		break;
	case BW_EQUOTA:
		fprintf(stderr, "bulwark: too soon after a wrong one: wait %lld seconds\n", (long long)(a->wait_ms + 999) / 1000);
		break;
	case BW_ECONFLICT:
		fprintf(stderr, "bulwark: not now: it is %s\n",
		    s->sealed ? "sealed" : s->rekey || s->oldest != s->newest ? "being rekeyed" : "unsealed");
		break;
	case BW_ETOOBIG:
		fprintf(stderr, "bulwark: there have been 255 generations of main keys, and there is no number for another\n");
		break;
	default:
		fprintf(stderr, "bulwark: refused: %s\n", bw_err_name((enum bw_err)a->result));
	}
}

int operator_command(const struct parsed *p, struct bw_str verb, struct place *place, struct bw_seal_status *status)
{
	const struct bw_admin_request r = {.verb = verb};
	struct bw_admin_answer answer;

	if (p->rest_count)
		return command_refuse(p, "'%s' is too much", p->rest[0]);
	if (!place_find(p, false, place) || !operator_ask(place, &r, &place->arena, &answer, status))
		return 1;
	if (answer.result == BW_OK)
		return 0;
	operator_refused(&answer, status);
	return 1;
}

struct bw_str operator_root_word(struct bw_arena *arena, const struct bw_secret *root)
{
	struct bw_buf text;
	struct bw_str word;

	bw_buf_init(&text, 128);
	bw_buf_put_hex(&text, root->p, root->n);
	word = bw_arena_str(arena, bw_buf_str(&text));
	bw_buf_free(&text);
	return word;
}
