#include "bin/api.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/sys.h"
#include "base/version.h"
#include "bin/identity.h"
#include "bin/sealed.h"
#include "core/rekey.h"
#include "keyer/seal_status.h"
#include "net/http.h"
#include "net/tls_holder.h"
#include "proc/board.h"

enum {
	RETIRE_MS = 500,
	IDENTITY_ARENA_MAX = 16 << 20,
};

struct loop_thread {
	pthread_t thread;
	struct bw_loop *loop;
	struct bw_lane *lane;
	struct bw_http_server *servers[LISTEN_MAX];
	size_t server_count;
	_Atomic size_t undrained;
	struct bw_post first_turn, drain, retire;
	sem_t *turned;
};

struct serving {
	struct api *api;
	struct bw_core *core;
	struct bw_tls_holder *tls;
	struct bw_arena arena; /* of what TLS begins with, until it has begun */
	struct identity identity;
	sem_t turned; /* once a loop: it has answered what waited when it began */
	struct loop_thread loops[LOOPS_MAX];
};

static struct bw_str endpoint_of(const struct api *api, struct bw_arena *a)
{
	struct bw_str first = api->listen[0];
	bool loopback = bw_str_starts(first, BW_STR("127.")) || bw_str_starts(first, BW_STR("[::1]")) ||
	                bw_str_starts(first, BW_STR("localhost"));

	return bw_arena_printf(a, "%s://%.*s", loopback ? "http" : "https", BW_FMT(first));
}

enum bw_err api_open(struct api *api, struct bw_core **core, struct bw_first_start *first)
{
	struct bw_arena *a = &api->place->arena;
	struct credentials c;

	TRY(bw_core_open(&api->core, a, first, core));
	/* The core has its own, for as long as it needs it. */
	bw_wipe((void *)(uintptr_t)api->core.root_secret.p, api->core.root_secret.n);
	if (!first->made)
		return BW_OK;
	c = (struct credentials){.key_id = first->admin_key_id, .secret = first->admin_secret, .endpoint = endpoint_of(api, a),
	    .region = bw_core_region(*core), .account = first->account};
	TRY(credentials_write(api->place->data, &c, first->root_password));
	bw_core_first_forget(*core, first);
	return BW_OK;
}

/* How this program is called from any folder: by its name when the shell found it, else by its whole path. */
static struct bw_str program_path(struct bw_arena *a)
{
	char path[PATH_MAX];
	ssize_t n;

	if (!strchr(program_invocation_name, '/'))
		return bw_str_c(program_invocation_name);
	n = readlink("/proc/self/exe", path, sizeof path);
	return n > 0 ? bw_arena_str(a, bw_str_make(path, (size_t)n)) : bw_str_c(program_invocation_name);
}

static void banner(const struct api *api, const struct bw_first_start *first, struct bw_core *core)
{
	struct bw_arena *a = &api->place->arena;
	struct bw_str url = endpoint_of(api, a), data = api->place->data, program = program_path(a);

	printf("Bulwark %s%s\n  endpoint     %.*s\n  account      %.*s   Region %.*s\n  credentials  %.*s/credentials%s\n"
	       "  every call is authenticated, authorised and audited\n",
	    bw_version, api->core.ephemeral ? ", ephemeral: the state is in memory" : "", BW_FMT(url), BW_FMT(bw_core_account(core)),
	    BW_FMT(bw_core_region(core)), BW_FMT(data), first->made ? " (made now; holds the root user's one-time password too)" : "");
	printf("\nTo try it, in another shell:\n"
	       "  alias awsb='%.*s exec --data %.*s -- aws'\n"
	       "  awsb sts get-caller-identity\n"
	       "  awsb iam create-user --user-name alice\n"
	       "  awsb iam list-users\n"
	       "  %.*s trail list --data %.*s --root-key %.*s\n\n",
	    BW_FMT(program), BW_FMT(data), BW_FMT(program), BW_FMT(data), BW_FMT(api->place->root_key));
	fflush(stdout);
}

/* What the certificate is good for: the usual names of this machine and the addresses listened on. */
static size_t names_fill(const struct api *api, struct bw_arena *a, struct bw_str names[LISTEN_MAX + 4])
{
	char host[256] = "";
	size_t n = 0;

	names[n++] = BW_STR("localhost");
	names[n++] = BW_STR("127.0.0.1");
	names[n++] = BW_STR("::1");
	if (gethostname(host, sizeof host - 1) == 0 && host[0])
		names[n++] = bw_arena_str(a, bw_str_c(host));
	for (size_t i = 0; i < api->listen_count; i++) {
		struct bw_str spec = api->listen[i];
		size_t end = spec.n;
		bool known = false;

		while (end > 0 && spec.p[end - 1] != ':')
			end--;
		spec = bw_str_sub(spec, 0, end ? end - 1 : 0);
		if (spec.n > 2 && spec.p[0] == '[')
			spec = bw_str_sub(spec, 1, spec.n - 2);
		for (size_t k = 0; k < n; k++)
			known = known || bw_str_eq(names[k], spec);
		if (!known && spec.n && !bw_str_eq(spec, BW_STR("0.0.0.0")) && !bw_str_eq(spec, BW_STR("::")))
			names[n++] = spec;
	}
	return n;
}

/* The operator's certificate when one is given, else our own CA's. Again at each reload: a renewed file counts, and so does a
 * certificate of ours that has come to its end. */
static enum bw_err identity_choose(struct serving *s, struct bw_arena *a, struct identity *id)
{
	const char *cert = option_get(s->api->options, "tls-cert"), *key = option_get(s->api->options, "tls-key");
	struct bw_str names[LISTEN_MAX + 4];

	if (cert && key)
		return identity_read(cert, key, a, id);
	return identity_load(bw_core_store(s->core), s->api->place->data, names, names_fill(s->api, a, names),
	    bw_clock_wall_ms(), a, id);
}

static enum bw_err tls_reopen(struct serving *s)
{
	struct bw_arena a;
	struct identity id;
	enum bw_err e;

	bw_arena_init(&a, IDENTITY_ARENA_MAX);
	e = identity_choose(s, &a, &id);
	if (e == BW_OK)
		e = bw_tls_holder_replace(s->tls, id.cert, id.key);
	bw_arena_free(&a);
	return e;
}

static void first_turn_end(struct bw_post *p)
{
	struct loop_thread *t = (struct loop_thread *)((char *)p - offsetof(struct loop_thread, first_turn));

	MUST(sem_post(t->turned) == 0);
}

/* What TLS begins with takes longer to make than the rest of a start: after what waits for the first answers, and before whoever
 * comes with TLS is answered. */
static enum bw_err tls_open(struct serving *s)
{
	enum bw_err e;

	for (unsigned i = 0; i < s->api->loops; i++)
		while (sem_wait(&s->turned) != 0)
			MUST(errno == EINTR);
	e = bw_tls_holder_replace(s->tls, s->identity.cert, s->identity.key);
	bw_arena_free(&s->arena);
	return e;
}

static void drained(void *ctx)
{
	struct loop_thread *t = ctx;

	if (atomic_fetch_sub(&t->undrained, 1) == 1)
		bw_loop_stop(t->loop);
}

static void drain_begin(struct bw_post *p)
{
	struct loop_thread *t = (struct loop_thread *)((char *)p - offsetof(struct loop_thread, drain));

	atomic_store(&t->undrained, t->server_count);
	for (size_t i = 0; i < t->server_count; i++)
		bw_http_server_drain(t->servers[i], drained, t);
}

static void retire_begin(struct bw_post *p)
{
	struct loop_thread *t = (struct loop_thread *)((char *)p - offsetof(struct loop_thread, retire));

	for (size_t i = 0; i < t->server_count; i++)
		bw_http_server_retire(t->servers[i]);
}

/* Calls go on meanwhile; who asks again and again has a new connection at the end of it, and none is cut off. */
static void loops_retire(struct serving *s)
{
	for (unsigned i = 0; i < s->api->loops; i++)
		bw_loop_post(s->loops[i].loop, &s->loops[i].retire);
	(void)poll(NULL, 0, RETIRE_MS);
}

static void *loop_main(void *arg)
{
	struct loop_thread *t = arg;

	bw_loop_run(t->loop);
	return NULL;
}

static enum bw_err loop_open(struct serving *s, unsigned index)
{
	struct loop_thread *t = &s->loops[index];
	struct bw_http_server_config config = {.on_request = bw_gate_request, .on_refused = bw_gate_refused, .tls = s->tls,
	    .body_max_bytes = BW_HTTP_BODY_MAX, .connections_max = BW_CONNECTIONS_MAX / s->api->loops};

	TRY(bw_loop_new(&t->loop));
	TRY(bw_lane_new(s->core, t->loop, index, &t->lane));
	config.ctx = t->lane;
	for (size_t i = 0; i < s->api->listen_count; i++) {
		/* The parent's sockets stay open for the next api process. */
		int fd = dup(s->api->fds[index][i]);

		CHECK(fd >= 0, BW_EIO);
		TRY(bw_http_server_add(t->loop, fd, &config, &t->servers[t->server_count]));
		t->server_count++;
	}
	t->turned = &s->turned;
	t->first_turn.run = first_turn_end;
	bw_loop_post(t->loop, &t->first_turn);
	t->drain.run = drain_begin;
	t->retire.run = retire_begin;
	return BW_OK;
}

static enum bw_err loops_start(struct serving *s)
{
	for (unsigned i = 0; i < s->api->loops; i++)
		TRY(loop_open(s, i));
	for (unsigned i = 0; i < s->api->loops; i++)
		MUST(pthread_create(&s->loops[i].thread, NULL, loop_main, &s->loops[i]) == 0);
	return BW_OK;
}

/* The keys are gone: what was opened with them has to go as well. */
static bool sealed_now(const struct bw_board *seal)
{
	struct bw_seal_status status;
	struct bw_arena arena;
	bool sealed;

	bw_arena_init(&arena, 1 << 20);
	sealed = bw_seal_status_read(seal, &arena, &status) == BW_OK && status.sealed;
	bw_arena_free(&arena);
	return sealed;
}

/* Waits for the parent's words; returns when it says drain or is gone, or the keyer was sealed. Ended by itself then, the process
 * is started anew, without a key in its memory. */
static void parent_obey(struct serving *s, int channel)
{
	const struct bw_board *seal = s->api->core.seal;
	struct pollfd watched[2] = {{.fd = channel, .events = POLLIN}, {.fd = seal ? bw_board_wake_fd(seal) : -1, .events = POLLIN}};
	struct bw_proc_message m;
	enum bw_err e;

	for (;;) {
		(void)poll(watched, 2, -1);
		if (seal && watched[1].revents) {
			bw_board_wake_take(s->api->core.seal);
			if (sealed_now(seal))
				return;
			bw_rekey_wake(s->core);
		}
		e = bw_proc_receive(channel, 1u << BW_PROC_DRAIN | 1u << BW_PROC_RETIRE | 1u << BW_PROC_RELOAD, &m);
		if (e == BW_EAGAIN)
			continue;
		if (e == BW_OK && m.type == BW_PROC_RETIRE)
			loops_retire(s);
		if (e != BW_OK || m.type != BW_PROC_RELOAD)
			return;
		if (tls_reopen(s) != BW_OK)
			bw_log(BW_LOG_WARN, "the configuration was not reloaded");
		if (bw_proc_send(channel, BW_PROC_READY, BW_STR("")) != BW_OK)
			return;
	}
}

static void loops_stop(struct serving *s)
{
	for (unsigned i = 0; i < s->api->loops; i++)
		bw_loop_post(s->loops[i].loop, &s->loops[i].drain);
	for (unsigned i = 0; i < s->api->loops; i++)
		MUST(pthread_join(s->loops[i].thread, NULL) == 0);
	for (unsigned i = 0; i < s->api->loops; i++) {
		for (size_t k = 0; k < s->loops[i].server_count; k++)
			bw_http_server_free(s->loops[i].servers[k]);
		bw_lane_free(s->loops[i].lane);
		bw_loop_free(s->loops[i].loop);
	}
}

/* Images go out, reports come back. */
static enum bw_err boards_take(const struct bw_core_config *core)
{
	TRY(bw_board_write_side(core->edge_images));
	for (size_t i = 0; i < core->edge_reports->n; i++)
		TRY(bw_board_read_side(core->edge_reports->v[i].board));
	if (core->seal)
		TRY(bw_board_read_side(core->seal));
	if (core->guard_images)
		TRY(bw_board_write_side(core->guard_images));
	return core->guard_reports ? bw_board_read_side(core->guard_reports) : BW_OK;
}

/* The folder that a file is in: what replaces it is another file. */
static const char *folder_of(struct bw_arena *a, const char *file)
{
	const char *slash = file ? strrchr(file, '/') : NULL;

	return !file ? "" : !slash ? "." : bw_arena_str(a, bw_str_make(file, slash == file ? 1 : (size_t)(slash - file))).p;
}

/* The root key's file is of this user, and this process has no business with it: whoever takes it over shall not have either. */
static void root_key_try(struct api *api)
{
	int fd = open(api->place->root_key.p, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	close(fd);
	bw_log(BW_LOG_WARN, "the process that serves could read the root key %.*s, as it lies in a folder that it needs, or the kernel has no landlock: keep it elsewhere",
	    BW_FMT(api->place->root_key));
}

/* What it opens while it serves, and nothing else: its data, the operator's certificate, libraries and settings of the system's that are read late. */
static void files_fence(struct api *api)
{
	struct bw_arena *a = &api->place->arena;
	const char *buckets = bw_arena_printf(a, "%.*s/buckets", BW_FMT(api->place->data)).p;
	const struct bw_sandbox_folder folders[] = {{api->place->data.p, true}, {buckets, false}, {folder_of(a, option_get(api->options, "tls-cert")), false},
	    {folder_of(a, option_get(api->options, "tls-key")), false}, {"/usr", false}, {"/lib", false}, {"/lib64", false}, {"/etc/ssl", false},
	    {"/etc/localtime", false}, {"/proc/sys/kernel/random", false}, {"/sys/devices/system/cpu", false}, {"/dev/urandom", false}, {"/dev/null", true}};

	if (api->core.ephemeral)
		return; /* its store lies in memory that has the name of a folder of everybody's, and its root key in none */
	(void)bw_sandbox_files_keep(folders, BW_COUNT(folders));
	root_key_try(api);
}

/* What does not authenticate would not at another start either. */
static int failed_status(enum bw_err e)
{
	return e == BW_ECORRUPT ? BW_PROC_FINAL : 1;
}

/* The records may not be those that were last committed. Nothing is finished: no answer leaves from here on. */
static _Noreturn void end_at_once(struct serving *s, enum bw_err e)
{
	for (unsigned i = 0; i < s->api->loops; i++)
		bw_loop_stop(s->loops[i].loop);
	for (unsigned i = 0; i < s->api->loops; i++)
		MUST(pthread_join(s->loops[i].thread, NULL) == 0);
	bw_log(BW_LOG_ERROR, "the server ends%s", e == BW_ECORRUPT ? ", and will not start with this data folder: a backup can be restored (docs/backup.md)" : "");
	bw_core_condemn(s->core);
	_exit(failed_status(e));
}

static struct serving *serving_new(struct api *api)
{
	struct serving *s = bw_alloc(sizeof *s);

	s->api = api;
	s->tls = bw_tls_holder_new();
	bw_arena_init(&s->arena, IDENTITY_ARENA_MAX);
	MUST(sem_init(&s->turned, 0, 0) == 0);
	return s;
}

static void serving_free(struct serving *s)
{
	bw_core_close(s->core);
	bw_tls_holder_free(s->tls);
	bw_arena_free(&s->arena);
	MUST(sem_destroy(&s->turned) == 0);
	bw_free(s);
}

static int start_failed(struct serving *s, enum bw_err e)
{
	bw_log(BW_LOG_ERROR, "the server cannot start: %s", bw_err_name(e));
	serving_free(s);
	return failed_status(e);
}

int api_run(const struct bw_proc_self *self)
{
	struct serving *s = serving_new(self->ctx);
	struct bw_first_start first;
	enum bw_err e;

	s->api->core.processes = self->table;
	e = boards_take(&s->api->core);
	if (e == BW_OK)
		e = bw_sandbox_enter();
	if (e == BW_OK)
		files_fence(s->api);
	if (e == BW_OK)
		e = sealed_wait(s->api, self->channel);
	if (e == BW_EPERM) {
		serving_free(s);
		return 0; /* told to end before it was unsealed */
	}
	if (e == BW_OK)
		e = api_open(s->api, &s->core, &first);
	if (e == BW_OK)
		e = identity_choose(s, &s->arena, &s->identity);
	if (e == BW_OK)
		e = loops_start(s);
	if (e != BW_OK)
		return start_failed(s, e);
	e = tls_open(s);
	if (e != BW_OK) {
		loops_stop(s);
		return start_failed(s, e);
	}
	e = bw_store_checked(bw_core_store(s->core));
	if (e != BW_OK)
		end_at_once(s, e);
	if (endpoint_write(s->api->place->data, endpoint_of(s->api, &s->api->place->arena), &s->api->place->arena) != BW_OK)
		bw_log(BW_LOG_WARN, "commands on this machine do not find the server by its data folder");
	bw_publish_start(s->core);
	banner(s->api, &first, s->core);
	if (bw_proc_send(self->channel, BW_PROC_READY, BW_STR("")) == BW_OK)
		parent_obey(s, self->channel);
	loops_stop(s);
	serving_free(s);
	return 0;
}
