/* What the loops of the edge count together, in memory that all of them map. Each writes to its own seat; the
 * parent clears the seat of whoever has ended, so that ceilings are true again at once. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/worker.h"
#include "proc/kept.h"

static unsigned seat_of(unsigned loop, uint32_t incarnation)
{
	return 2 * loop + (incarnation & 1);
}

unsigned bw_edge_seat(const struct bw_proc_self *self)
{
	return seat_of(((const struct bw_edge_loop *)self->ctx)->number, self->incarnation);
}

struct seat *seat_take(const struct bw_edge_loop *loop, uint32_t incarnation)
{
	return &loop->edge->roster->seats[seat_of(loop->number, incarnation)];
}

struct bw_board *seat_board(const struct bw_edge_loop *loop, uint32_t incarnation)
{
	return loop->edge->reporters[seat_of(loop->number, incarnation)].board;
}

/* ---- the parent's ---- */

static void seat_begins(void *ctx, uint32_t incarnation)
{
	atomic_store(&seat_take(ctx, incarnation)->incarnation, incarnation);
}

static void seat_ended(void *ctx, uint32_t incarnation)
{
	struct seat *s = seat_take(ctx, incarnation);

	/* Pages that were never touched stay so: only what was used is written. */
	for (size_t i = 0; i < ADDRESS_SLOTS; i++)
		if (atomic_load_explicit(&s->addresses[i], memory_order_relaxed))
			atomic_store_explicit(&s->addresses[i], 0, memory_order_relaxed);
	atomic_store(&s->connections, 0);
	atomic_store(&s->incarnation, 0);
}

static bool may_listen(void *ctx, const struct sockaddr *a)
{
	const struct bw_edge_loop *loop = ctx;
	struct bw_cidr c = {.bits = 32};

	if (a->sa_family == AF_INET6) {
		c.v6 = true;
		c.bits = 128;
		memcpy(c.bytes, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, 16);
	} else {
		memcpy(c.bytes, &((const struct sockaddr_in *)(const void *)a)->sin_addr, 4);
	}
	return bw_cidr_contains(&loop->edge->place, &c);
}

static enum bw_err boards_make(struct bw_edge *e)
{
	static const char *const health[] = {"edge-health-0", "edge-health-1"};
	char name[32];

	TRY(bw_board_new("edge-images", BW_EDGE_IMAGE_MAX, &e->images));
	e->images_wake = bw_board_wake_fd(e->images);
	for (size_t i = 0; i < BW_COUNT(health); i++)
		TRY(bw_board_new(health[i], BW_EDGE_REPORT_MAX, &e->health[i]));
	for (size_t i = 0; i < 2 * (size_t)e->loops; i++) {
		(void)snprintf(name, sizeof name, "edge-reports-%zu", i);
		TRY(bw_board_new(name, BW_EDGE_REPORT_MAX, &e->reporters[i].board));
		e->reporters[i].incarnation = &e->roster->seats[i].incarnation;
	}
	e->reports = (struct bw_edge_reports){e->reporters, 2 * (size_t)e->loops};
	return BW_OK;
}

#define ROSTER "edge-roster"
#define COOKIE_KEY "edge-cookie-key"

/* Whoever could make it shorter could end the others by a fault. */
static bool roster_fill(int fd)
{
	return fd >= 0 && fchmod(fd, 0600) == 0 && ftruncate(fd, sizeof(struct bw_edge_roster)) == 0 &&
	       fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
}

static enum bw_err roster_make(struct bw_edge *e)
{
	enum bw_err err = bw_kept_memory(ROSTER, sizeof *e->roster, &e->roster_fd);
	void *p = MAP_FAILED;

	if (err == BW_ENOTFOUND) {
		e->roster_fd = memfd_create(ROSTER, MFD_CLOEXEC | MFD_ALLOW_SEALING);
		err = roster_fill(e->roster_fd) ? BW_OK : BW_EIO;
	}
	if (err == BW_OK)
		p = mmap(NULL, sizeof *e->roster, PROT_READ | PROT_WRITE, MAP_SHARED, e->roster_fd, 0);
	if (p == MAP_FAILED) {
		bw_log(BW_LOG_ERROR, "cannot make shared memory");
		return BW_EIO;
	}
	bw_keep_fd(ROSTER, e->roster_fd);
	e->roster = p;
	return BW_OK;
}

enum bw_err bw_edge_make(unsigned loops, const struct bw_cidr *place, struct bw_edge *out)
{
	MUST(loops >= 1 && loops <= BW_EDGE_LOOPS_MAX);
	*out = (struct bw_edge){.loops = loops, .log_dir = -1, .roster_fd = -1, .place = *place};
	TRY(roster_make(out));
	if (!bw_kept_bytes(COOKIE_KEY, out->cookie_key, sizeof out->cookie_key))
		bw_random(out->cookie_key, sizeof out->cookie_key);
	bw_keep_bytes(COOKIE_KEY, out->cookie_key, sizeof out->cookie_key);
	return boards_make(out);
}

void bw_edge_free(struct bw_edge *e)
{
	bw_board_free(e->images);
	for (size_t i = 0; i < BW_COUNT(e->health); i++)
		bw_board_free(e->health[i]);
	for (size_t i = 0; i < BW_EDGE_SEATS; i++)
		bw_board_free(e->reporters[i].board);
	if (e->roster)
		(void)munmap(e->roster, sizeof *e->roster);
	if (e->roster_fd >= 0)
		close(e->roster_fd);
	bw_wipe(e->cookie_key, sizeof e->cookie_key);
	*e = (struct bw_edge){.log_dir = -1, .roster_fd = -1};
}

void bw_edge_rows(struct bw_edge *e, const char *(*user)(void), int (*run)(const struct bw_proc_self *self),
    struct bw_proc_row *rows)
{
	for (unsigned i = 0; i < e->loops; i++) {
		struct bw_edge_loop *loop = &e->rows[i];

		*loop = (struct bw_edge_loop){.edge = e, .number = i};
		(void)snprintf(loop->title, sizeof loop->title, i ? "edge-%u" : "edge", i);
		rows[i] = (struct bw_proc_row){.title = loop->title,
		    .run = run,
		    .ctx = loop,
		    .may_send = 1u << BW_PROC_READY | 1u << BW_PROC_SOCKET | 1u << BW_PROC_SOCKET_DROP |
		                1u << BW_PROC_SOCKET_SETTLE,
		    .needed_by = &e->images_wake,
		    .needed_count = 1,
		    .relieved = true,
		    .user = user,
		    .begins = seat_begins,
		    .ended = seat_ended,
		    .may_listen = may_listen};
	}
}

/* ---- the loops' ---- */

/* Addresses that share a slot share a ceiling; the hash is seeded, so that nobody can choose whose. All loops
 * have the seed of their parent. */
uint32_t address_slot(const struct bw_address *a)
{
	struct bw_str bytes = bw_str_make(&a->v4.sin_addr, sizeof a->v4.sin_addr);

	if (a->any.sa_family == AF_INET6)
		bytes = bw_str_make(&a->v6.sin6_addr, 8);
	return (uint32_t)(bw_str_hash(bytes) % ADDRESS_SLOTS);
}

static void number_add(_Atomic uint32_t *n, uint32_t by)
{
	/* Nobody else writes to this seat: no locked instruction is needed. */
	atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + by, memory_order_relaxed);
}

static uint32_t number_of(const _Atomic uint32_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

void connection_counted_again(struct edge *e, uint32_t slot)
{
	number_add(&e->seat->connections, 1);
	number_add(&e->seat->addresses[slot], 1);
}

void connection_counted_out(struct edge *e, uint32_t slot)
{
	number_add(&e->seat->connections, UINT32_MAX);
	number_add(&e->seat->addresses[slot], UINT32_MAX);
}

size_t connection_count(const struct edge *e)
{
	return number_of(&e->seat->connections);
}

/* Of all loops together. Two that ask at one time may both pass: the ceilings are exceeded by less than the
 * number of loops. */
bool connection_count_in(struct edge *e, uint32_t slot)
{
	const struct bw_edge_roster *r = e->shared->roster;
	uint64_t connections = 0, of_address = 0;

	for (size_t i = 0; i < e->shared->reports.n; i++)
		if (number_of(&r->seats[i].connections)) {
			connections += number_of(&r->seats[i].connections);
			of_address += number_of(&r->seats[i].addresses[slot]);
		}
	if (connections >= CONNECTIONS_MAX || of_address >= CONNECTIONS_PER_ADDRESS)
		return false;
	connection_counted_again(e, slot);
	return true;
}

bool seat_crowded(const struct edge *e)
{
	const struct bw_edge_roster *r = e->shared->roster;
	uint64_t all = 0, seats = 0, own = connection_count(e);

	for (size_t i = 0; i < e->shared->reports.n; i++) {
		all += number_of(&r->seats[i].connections);
		seats += number_of(&r->seats[i].incarnation) != 0;
	}
	return seats > 1 && own > CROWD_SLACK && own * seats > all + all / 8 + CROWD_SLACK;
}

/* By its name, so that every loop finds the same; two groups of one number only pass turns to each other. */
_Atomic uint32_t *turn_of(const struct edge *e, struct bw_str name)
{
	unsigned char digest[32];

	bw_sha256(name, digest);
	return &e->shared->roster->turns[(digest[0] | digest[1] << 8) % TURNS];
}
