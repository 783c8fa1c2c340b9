/* What health tells of the processes, and of the programs that they run. */
#include "core/sealed.h"

#include "codec/json.h"
#include "proc/proc.h"

static const char *const state_names[] = {
    [BW_PROC_IDLE] = "idle", [BW_PROC_STARTING] = "starting", [BW_PROC_SERVING] = "serving"};

static void version_put(const struct bw_proc_table *t, const char *name, const _Atomic uint32_t *of, struct bw_buf *json)
{
	uint32_t program = atomic_load_explicit(of, memory_order_relaxed);

	if (program >= BW_PROC_PROGRAMS_MAX)
		return;
	bw_buf_printf(json, ",\"%s\":", name);
	bw_json_put_str(json, bw_str_c(t->versions[program]));
}

static void upgrade_put(const struct bw_proc_table *t, struct bw_buf *json)
{
	char why[BW_PROC_WORDS_MAX];
	uint32_t refusals = atomic_load(&t->refusals);

	memcpy(why, t->refusal, sizeof why);
	why[sizeof why - 1] = '\0';
	bw_buf_printf(json, ",\"upgrades\":{\"done\":%u,\"refused\":%u", atomic_load(&t->upgrades), refusals);
	if (refusals) {
		bw_buf_put(json, BW_STR(",\"reason\":"));
		bw_json_put_str(json, bw_str_c(why));
	}
	bw_buf_put_c(json, '}');
}

void bw_processes_health(const struct bw_proc_table *t, struct bw_buf *json)
{
	bw_buf_put(json, BW_STR(",\"processes\":["));
	for (size_t i = 0; t && i < t->count; i++) {
		uint32_t state = atomic_load_explicit(&t->rows[i].state, memory_order_relaxed);

		bw_buf_printf(json, "%s{\"name\":\"%s\",\"state\":\"%s\"", i ? "," : "", t->rows[i].title, state_names[state]);
		version_put(t, "version", &t->rows[i].program, json);
		version_put(t, "retiring", &t->rows[i].retiring, json);
		bw_buf_printf(json, "%s}", atomic_load_explicit(&t->rows[i].stays, memory_order_relaxed) ? ",\"stays\":true" : "");
	}
	bw_buf_put_c(json, ']');
	if (t)
		upgrade_put(t, json);
}
