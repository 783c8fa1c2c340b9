/* The reports of several processes as one. */
#include <sys/wait.h>
#include <unistd.h>

#include "core/edge_image.h"
#include "crypto/crypto.h"
#include "proc/board.h"
#include "test.h"

enum { SEATS = 4 };

static struct bw_edge_reporter seats[SEATS];
static _Atomic uint32_t incarnations[SEATS];
static const struct bw_edge_reports all = {seats, SEATS};

static struct bw_edge_metric requests(const char *lb, int64_t n)
{
	return (struct bw_edge_metric){
	    .name = BW_STR("RequestCount"), .load_balancer = bw_str_c(lb), .value = n};
}

static struct bw_edge_metric active(const char *lb, int64_t n)
{
	return (struct bw_edge_metric){
	    .name = BW_STR("ActiveConnectionCount"), .load_balancer = bw_str_c(lb), .value = n};
}

/* Only a process that writes may publish: a child does. */
static void report(size_t seat, struct bw_edge_report r)
{
	struct bw_buf out;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		bw_buf_init(&out, 1 << 20);
		bw_edge_report_encode(&r, &out);
		if (bw_board_write_side(seats[seat].board) != BW_OK ||
		    bw_board_publish(seats[seat].board, bw_buf_str(&out)) != BW_OK)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void publish(
    size_t seat, int64_t incarnation, int64_t version, const struct bw_edge_metric *m, size_t n)
{
	report(
	    seat, (struct bw_edge_report){
	              .image_version = version, .incarnation = incarnation, .metrics = m, .metric_count = n});
}

static void boards_make(void)
{
	bw_crypto_init();
	for (size_t i = 0; i < SEATS; i++) {
		assert_ok(bw_board_new("test", 1 << 20, &seats[i].board));
		incarnations[i] = 0;
		seats[i].incarnation = &incarnations[i];
	}
}

static void boards_read(void)
{
	for (size_t i = 0; i < SEATS; i++)
		assert_ok(bw_board_read_side(seats[i].board));
}

static void boards_free(void)
{
	for (size_t i = 0; i < SEATS; i++)
		bw_board_free(seats[i].board);
}

static int64_t value(const struct bw_edge_report *r, const char *name, const char *lb)
{
	int64_t found = -1;

	for (size_t i = 0; i < r->metric_count; i++)
		if (bw_str_eq(r->metrics[i].name, bw_str_c(name)) &&
		    bw_str_eq(r->metrics[i].load_balancer, bw_str_c(lb))) {
			assert_int_equal(found, -1);
			found = r->metrics[i].value;
		}
	return found;
}

TEST(edge_reports_are_summed_over_the_living_and_the_dead)
{
	struct bw_edge_report r;
	struct bw_arena a;

	bw_arena_init(&a, 16 << 20);
	boards_make();
	/* The first loop's first process has retired and ended, its second serves; so does the other loop's.
	 */
	publish(
	    1, 1, 5, (struct bw_edge_metric[]){requests("a", 100), active("a", 7), requests("gone", 3)}, 3);
	publish(0, 2, 9, (struct bw_edge_metric[]){requests("a", 10), active("a", 2)}, 2);
	publish(3, 1, 8, (struct bw_edge_metric[]){requests("a", 1), active("a", 4), requests("gone", 1)}, 3);
	boards_read();
	incarnations[0] = 2;
	incarnations[3] = 1;
	assert_ok(bw_edge_report_read(&all, &a, &r));
	assert_int_equal(r.image_version, 8); /* what all of the living have */
	assert_int_equal(value(&r, "RequestCount", "a"), 111);
	assert_int_equal(value(&r, "ActiveConnectionCount", "a"), 6); /* the ended one has no connections */
	assert_int_equal(value(&r, "RequestCount", "gone"), -1);      /* no load balancer any more */
	incarnations[1] = 1; /* had it not ended: it serves by an old image */
	assert_ok(bw_edge_report_read(&all, &a, &r));
	assert_int_equal(r.image_version, 5);
	assert_int_equal(value(&r, "ActiveConnectionCount", "a"), 13);
	boards_free();
	bw_arena_free(&a);
}

static int64_t of_group(const struct bw_edge_report *r, const char *name, const char *group)
{
	int64_t found = -1;

	for (size_t i = 0; i < r->metric_count; i++)
		if (bw_str_eq(r->metrics[i].name, bw_str_c(name)) &&
		    bw_str_eq(r->metrics[i].target_group, bw_str_c(group))) {
			assert_int_equal(found, -1);
			assert_true(bw_str_eq(r->metrics[i].load_balancer, BW_STR("lb")));
			found = r->metrics[i].value;
		}
	return found;
}

TEST(edge_reports_count_each_anomalous_target_once)
{
	const struct bw_edge_metric healthy[] = {
	    {BW_STR("RequestCount"), BW_STR("lb"), BW_STR("targetgroup/a/1"), 0},
	    {BW_STR("HealthyHostCount"), BW_STR("lb"), BW_STR("targetgroup/a/1"), 3},
	    {BW_STR("HealthyHostCount"), BW_STR("lb"), BW_STR("targetgroup/b/2"), 3}};
	const struct bw_edge_anomaly one[] = {{BW_STR("arn:x:targetgroup/a/1"), BW_STR("10.0.0.1"), 80,
	                                          false},
	    {BW_STR("arn:x:targetgroup/a/1"), BW_STR("10.0.0.1"), 81, false}},
	                             two[] = {{BW_STR("arn:x:targetgroup/a/1"), BW_STR("10.0.0.1"), 80, true},
	                                 {BW_STR("arn:x:targetgroup/gone/3"), BW_STR("10.0.0.1"), 80, true}};
	struct bw_edge_report r;
	struct bw_arena a;

	bw_arena_init(&a, 16 << 20);
	boards_make();
	report(0, (struct bw_edge_report){.incarnation = 1,
	              .metrics = healthy,
	              .metric_count = 3,
	              .anomalies = one,
	              .anomaly_count = 2});
	report(2, (struct bw_edge_report){.incarnation = 1, .anomalies = two, .anomaly_count = 2});
	boards_read();
	incarnations[0] = incarnations[2] = 1;
	assert_ok(bw_edge_report_read(&all, &a, &r));
	assert_int_equal(of_group(&r, "AnomalousHostCount", "targetgroup/a/1"), 2);
	assert_int_equal(of_group(&r, "MitigatedHostCount", "targetgroup/a/1"), 1);
	assert_int_equal(of_group(&r, "AnomalousHostCount", "targetgroup/b/2"), -1);
	assert_int_equal(of_group(&r, "AnomalousHostCount", "targetgroup/gone/3"), -1);
	assert_int_equal(of_group(&r, "HealthyHostCount", "targetgroup/b/2"), 3);
	boards_free();
	bw_arena_free(&a);
}

TEST(edge_reports_of_nobody_are_none)
{
	struct bw_edge_report r;
	struct bw_arena a;

	bw_arena_init(&a, 1 << 20);
	boards_make();
	publish(2, 1, 1, NULL, 0); /* not the first loop's: it tells of health and listeners */
	boards_read();
	assert_int_equal(bw_edge_report_read(NULL, &a, &r), BW_ENOTFOUND);
	assert_int_equal(bw_edge_report_read(&all, &a, &r), BW_ENOTFOUND);
	boards_free();
	bw_arena_free(&a);
}
