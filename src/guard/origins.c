/* Clients' addresses at targets: a table of ours, "inet bulwark_origins", that marks the connections of the edge's
 * sockets and leads their answers back, and the rules and routes that it takes. Beyond the targets that want it
 * no such socket gets anywhere, whoever holds it: what they send to others is dropped. */
#include "guard/guard_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/sys.h"
#include "codec/sort.h"
#include "proc/origin.h"

#define NAME  "bulwark_origins"
#define TABLE "\"family\":\"inet\",\"table\":\"" NAME "\""
#define WHOLE "{\"table\":{\"family\":\"inet\",\"name\":\"" NAME "\"}}"

static const char *const apply_arguments[] = {"-j", "-f", "-", NULL};
static const char *const look_arguments[] = {"-j", "list", "chain", "inet", NAME, "out", NULL};

/* ---- The table ---- */

/* An address twice would be refused by nft: each target once, in its canonical spelling. */
struct place {
	struct bw_cidr address;
	uint16_t port;
	bool udp;
};

static int place_order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct place));
}

static struct place *places_make(const struct bw_guard_target *targets, size_t count, size_t *n)
{
	struct place *v = bw_alloc((count + 1) * sizeof *v);
	size_t kept = 0;

	*n = 0;
	for (size_t i = 0; i < count; i++) {
		struct place p;

		memset(&p, 0, sizeof p); /* compared byte by byte */
		if (targets[i].port < 1 || targets[i].port > 65535 || bw_cidr_address(targets[i].address, &p.address) != BW_OK)
			continue;
		p.port = (uint16_t)targets[i].port;
		p.udp = targets[i].udp;
		v[(*n)++] = p;
	}
	if (*n)
		bw_sort(v, *n, sizeof *v, place_order);
	for (size_t i = 0; i < *n; i++)
		if (i == 0 || place_order(&v[kept - 1], &v[i]) != 0)
			v[kept++] = v[i];
	*n = kept;
	return v;
}

static void set_put(const struct place *v, size_t n, bool v6, struct bw_buf *json)
{
	struct bw_arena arena;
	bool some = false;

	bw_arena_init(&arena, 64 << 20);
	bw_buf_printf(json, ",{\"add\":{\"set\":{" TABLE ",\"name\":\"targets%d\",\"type\":[\"inet_proto\",\"%s\",\"inet_service\"]", v6 ? 6 : 4,
	    v6 ? "ipv6_addr" : "ipv4_addr");
	for (size_t i = 0; i < n; i++) {
		if (v[i].address.v6 != v6)
			continue;
		bw_buf_printf(json, "%s{\"concat\":[\"%s\",\"%.*s\",%u]}", some ? "," : ",\"elem\":[", v[i].udp ? "udp" : "tcp",
		    BW_FMT(bw_cidr_address_text(&arena, &v[i].address)), v[i].port);
		some = true;
	}
	bw_buf_put(json, some ? BW_STR("]}}}") : BW_STR("}}}"));
	bw_arena_free(&arena);
}

static void rule_put(const char *chain, const char *expressions, struct bw_buf *json)
{
	bw_buf_printf(json, ",{\"add\":{\"rule\":{" TABLE ",\"chain\":\"%s\",\"expr\":[%s]}}}", chain, expressions);
}

/* A connection that was let through goes on when its target is none any more. */
static void known_put(struct bw_buf *json)
{
	char text[256];

	(void)snprintf(text, sizeof text,
	    "{\"match\":{\"op\":\"in\",\"left\":{\"ct\":{\"key\":\"state\"}},\"right\":\"established\"}},"
	    "{\"match\":{\"op\":\"==\",\"left\":{\"ct\":{\"key\":\"mark\"}},\"right\":%u}},{\"return\":null}",
	    (unsigned)BW_ORIGIN_MARK_OUT);
	rule_put("ours", text, json);
}

/* To a target: the connection is known by its mark from now on. It begins here: one that others lead through this
 * machine, client and target the same, is not taken over. */
static void pass_put(bool v6, struct bw_buf *json)
{
	char text[512];

	(void)snprintf(text, sizeof text,
	    "{\"match\":{\"op\":\"in\",\"left\":{\"ct\":{\"key\":\"state\"}},\"right\":\"new\"}},"
	    "{\"match\":{\"op\":\"==\",\"left\":{\"concat\":[{\"meta\":{\"key\":\"l4proto\"}},{\"payload\":{\"protocol\":\"%s\",\"field\":\"daddr\"}},"
	    "{\"payload\":{\"protocol\":\"th\",\"field\":\"dport\"}}]},\"right\":\"@targets%d\"}},"
	    "{\"mangle\":{\"key\":{\"ct\":{\"key\":\"mark\"}},\"value\":%u}},{\"return\":null}",
	    v6 ? "ip6" : "ip", v6 ? 6 : 4, (unsigned)BW_ORIGIN_MARK_OUT);
	rule_put("ours", text, json);
}

static void back_put(const char *chain, struct bw_buf *json)
{
	char text[320];

	(void)snprintf(text, sizeof text,
	    "{\"match\":{\"op\":\"==\",\"left\":{\"ct\":{\"key\":\"direction\"}},\"right\":\"reply\"}},"
	    "{\"match\":{\"op\":\"==\",\"left\":{\"ct\":{\"key\":\"mark\"}},\"right\":%u}},"
	    "{\"mangle\":{\"key\":{\"meta\":{\"key\":\"mark\"}},\"value\":%u}}",
	    (unsigned)BW_ORIGIN_MARK_OUT, (unsigned)BW_ORIGIN_MARK_BACK);
	rule_put(chain, text, json);
}

/* Answers of other machines meet the first chain, those of this one the second, which has them routed anew. */
static void chains_put(struct bw_buf *json)
{
	char text[200];

	bw_buf_put(json, BW_STR(",{\"add\":{\"chain\":{" TABLE ",\"name\":\"ours\"}}}"
	                        ",{\"add\":{\"chain\":{" TABLE ",\"name\":\"in\",\"type\":\"filter\",\"hook\":\"prerouting\",\"prio\":-150,\"policy\":\"accept\"}}}"
	                        ",{\"add\":{\"chain\":{" TABLE ",\"name\":\"out\",\"type\":\"route\",\"hook\":\"output\",\"prio\":-150,\"policy\":\"accept\"}}}"));
	known_put(json);
	pass_put(false, json);
	pass_put(true, json);
	rule_put("ours", "{\"counter\":{\"packets\":0,\"bytes\":0}},{\"drop\":null}", json);
	(void)snprintf(text, sizeof text,
	    "{\"match\":{\"op\":\"==\",\"left\":{\"meta\":{\"key\":\"mark\"}},\"right\":%u}},{\"jump\":{\"target\":\"ours\"}}",
	    (unsigned)BW_ORIGIN_MARK_OUT);
	rule_put("out", text, json);
	back_put("in", json);
	back_put("out", json);
}

void guard_origins_table(const struct bw_guard_target *targets, size_t count, struct bw_buf *json)
{
	size_t n;
	struct place *v = places_make(targets, count, &n);

	bw_buf_put(json, BW_STR("{\"nftables\":[{\"add\":" WHOLE "},{\"delete\":" WHOLE "},{\"add\":" WHOLE "}"));
	set_put(v, n, false, json);
	set_put(v, n, true, json);
	chains_put(json);
	bw_buf_put(json, BW_STR("]}\n"));
	bw_free(v);
}

/* ---- What the kernel is set to ---- */

static bool setting_on(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char c = '0';

	if (fd < 0)
		return false;
	if (read(fd, &c, 1) != 1)
		c = '0';
	close(fd);
	return c != '0';
}

/* The check of where a packet may come from then looks at its mark too, and finds that it comes from here. */
static bool answers_refused(void)
{
	return setting_on("/proc/sys/net/ipv4/conf/all/src_valid_mark") && !setting_on("/proc/sys/net/ipv4/conf/all/accept_local");
}

/* ---- Applying ---- */

static void state_set(struct guard_origins *o, const char *state, struct bw_str reason)
{
	struct bw_str line = bw_str_cut(&reason, '\n');

	if (line.n >= sizeof o->reason)
		line.n = sizeof o->reason - 1;
	if (strcmp(state, "failed") == 0 && (strcmp(o->state, state) != 0 || !bw_str_eq(bw_str_c(o->reason), line)))
		bw_log(BW_LOG_ERROR, "targets do not see their clients' addresses: %.*s", BW_FMT(line));
	o->state = state;
	if (line.n)
		memcpy(o->reason, line.p, line.n);
	o->reason[line.n] = '\0';
}

static void errors_set(struct guard_origins *o, const int errors[2])
{
	for (size_t i = 0; i < 2; i++)
		atomic_store(&o->errors[i], errors[i]);
}

static void table_remove(struct guard_origins *o)
{
	if (guard_nft(NULL, apply_arguments,
	        BW_STR("{\"nftables\":[{\"add\":" WHOLE "},{\"delete\":" WHOLE "}]}\n"), &o->out, &o->said) != BW_OK)
		bw_log(BW_LOG_WARN, "the table inet " NAME " cannot be taken away: %.*s", BW_FMT(bw_buf_str(&o->said)));
}

static void remove_all(struct guard_origins *o)
{
	errors_set(o, (const int[2]){EAGAIN, EAGAIN});
	guard_routes_remove();
	table_remove(o);
	o->there = o->loaded = false;
}

static void routed(struct guard_origins *o, const int errors[2])
{
	char text[120];

	if (errors[0]) {
		(void)snprintf(text, sizeof text, "the way back cannot be made: %s", strerror(errors[0]));
		state_set(o, "failed", bw_str_c(text));
	} else if (errors[1]) {
		(void)snprintf(text, sizeof text, "of IPv4 alone; for IPv6 the way back cannot be made: %s", strerror(errors[1]));
		state_set(o, "kept", bw_str_c(text));
	} else {
		state_set(o, o->wide ? "kept" : "unused",
		    answers_refused() ? BW_STR("net.ipv4.conf.all.src_valid_mark is on: answers of other machines over IPv4 are dropped unless "
		                               "net.ipv4.conf.all.accept_local is on as well")
		                      : BW_STR(""));
	}
	errors_set(o, o->wide ? errors : (const int[2]){EAGAIN, EAGAIN});
}

static void put_all(struct guard_origins *o)
{
	int errors[2];
	enum bw_err e;

	e = o->json.failed || o->next.failed ? BW_ETOOBIG : guard_nft(NULL, apply_arguments, bw_buf_str(&o->json), &o->out, &o->said);
	o->loaded = e == BW_OK;
	if (e != BW_OK) {
		state_set(o, "failed",
		    e == BW_ETOOBIG ? BW_STR("the targets are too many")
		    : o->said.n     ? bw_buf_str(&o->said)
		                    : BW_STR("nft failed"));
		/* What it does not hold back is not made. */
		errors_set(o, (const int[2]){ENOTSUP, ENOTSUP});
		return;
	}
	guard_routes_put(errors);
	routed(o, errors);
}

void guard_origins_look(struct guard_origins *o)
{
	int errors[2];

	if (!o->there || !o->json.n)
		return;
	if (!o->loaded || guard_nft(NULL, look_arguments, BW_STR_NONE, &o->out, &o->said) != BW_OK) {
		if (o->loaded)
			bw_log(BW_LOG_WARN, "the table inet " NAME " is gone: it is put back");
		put_all(o);
		return;
	}
	guard_routes_put(errors);
	routed(o, errors);
}

/* The table as it has to be; false when it is that already. */
static bool table_make(struct guard_origins *o, const struct bw_guard_image *image)
{
	bw_buf_reset(&o->next);
	guard_origins_table(image->targets, image->target_count, &o->next);
	if (o->loaded && bw_str_eq(bw_buf_str(&o->next), bw_buf_str(&o->json)))
		return false;
	bw_buf_reset(&o->json);
	bw_buf_put(&o->json, bw_buf_str(&o->next));
	return true;
}

void guard_origins_apply(struct guard_origins *o, const struct bw_guard_image *image)
{
	if (!o->wanted || !image->targets_known)
		return;
	o->wide = image->target_count > 0;
	o->there = o->there || o->wide;
	if (!o->there)
		return;
	if (table_make(o, image))
		put_all(o);
	else
		guard_origins_look(o);
}

/* ---- The beginning and the end ---- */

void guard_origins_open(struct guard_origins *o, bool wanted)
{
	o->wanted = wanted;
	o->state = wanted ? "unused" : "off";
	bw_buf_init(&o->json, BW_GUARD_IMAGE_MAX * 2);
	bw_buf_init(&o->next, BW_GUARD_IMAGE_MAX * 2);
	bw_buf_init(&o->out, 1 << 20);
	bw_buf_init(&o->said, 8192);
	errors_set(o, (const int[2]){EAGAIN, EAGAIN});
	o->there = wanted && guard_nft(NULL, look_arguments, BW_STR_NONE, &o->out, &o->said) == BW_OK;
}

void guard_origins_close(struct guard_origins *o, bool relieved)
{
	if (o->wanted && !relieved)
		remove_all(o);
	bw_buf_free(&o->json);
	bw_buf_free(&o->next);
	bw_buf_free(&o->out);
	bw_buf_free(&o->said);
}
