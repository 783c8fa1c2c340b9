#include "core/guard_image.h"

#include "core/edge_form.h"
#include "proc/board.h"

/* ---- Forms ---- */

#define AT(owner, k, m)                                                                                      \
	{                                                                                                    \
#m, BW_EDGE_##k, offsetof(struct owner, m), 0, NULL                                          \
	}
#define LIST(owner, m, n, form_)                                                                             \
	{                                                                                                    \
#m, BW_EDGE_LIST, offsetof(struct owner, m), offsetof(struct owner, n), &(form_)             \
	}

static const struct bw_edge_member rules_members[] = {
    AT(bw_guard_rules, STR, name),
    AT(bw_guard_rules, STR, space),
    AT(bw_guard_rules, STR, interface),
    AT(bw_guard_rules, BOOL, known),
    LIST(bw_guard_rules, ingress, ingress_count, bw_edge_permit_form),
    LIST(bw_guard_rules, egress, egress_count, bw_edge_permit_form),
};
static const struct bw_edge_form rules_form = {
    sizeof(struct bw_guard_rules), rules_members, BW_COUNT(rules_members)};

static const struct bw_edge_member target_members[] = {
    AT(bw_guard_target, BOOL, udp),
    AT(bw_guard_target, STR, address),
    AT(bw_guard_target, I64, port),
};
static const struct bw_edge_form target_form = {
    sizeof(struct bw_guard_target), target_members, BW_COUNT(target_members)};

static const struct bw_edge_member image_members[] = {
    AT(bw_guard_image, I64, version),
    LIST(bw_guard_image, rules, rules_count, rules_form),
    AT(bw_guard_image, BOOL, targets_known),
    LIST(bw_guard_image, targets, target_count, target_form),
};
static const struct bw_edge_form image_form = {
    sizeof(struct bw_guard_image), image_members, BW_COUNT(image_members)};

static const struct bw_edge_member state_members[] = {
    AT(bw_guard_state, STR, name),
    AT(bw_guard_state, STR, state),
    AT(bw_guard_state, STR, reason),
    AT(bw_guard_state, I64, permits),
    AT(bw_guard_state, I64, permitted),
    AT(bw_guard_state, I64, refused),
};
static const struct bw_edge_form state_form = {
    sizeof(struct bw_guard_state), state_members, BW_COUNT(state_members)};

static const struct bw_edge_member report_members[] = {
    AT(bw_guard_report, I64, image_version),
    LIST(bw_guard_report, states, state_count, state_form),
    AT(bw_guard_report, STR, origins),
    AT(bw_guard_report, STR, origins_reason),
    AT(bw_guard_report, I64, origins_made),
};
static const struct bw_edge_form report_form = {
    sizeof(struct bw_guard_report), report_members, BW_COUNT(report_members)};

void bw_guard_image_encode(const struct bw_guard_image *image, struct bw_buf *out)
{
	bw_form_encode(&image_form, image, out);
}

enum bw_err bw_guard_image_decode(struct bw_str bytes, struct bw_arena *arena, struct bw_guard_image *out)
{
	return bw_form_decode(&image_form, bytes, arena, out);
}

void bw_guard_report_encode(const struct bw_guard_report *report, struct bw_buf *out)
{
	bw_form_encode(&report_form, report, out);
}

enum bw_err bw_guard_report_decode(struct bw_str bytes, struct bw_arena *arena, struct bw_guard_report *out)
{
	return bw_form_decode(&report_form, bytes, arena, out);
}

enum bw_err bw_guard_report_read(
    const struct bw_board *reports, struct bw_arena *arena, struct bw_guard_report *out)
{
	struct bw_buf bytes;
	struct bw_str kept;
	uint64_t seq;
	enum bw_err e;

	CHECK(reports != NULL, BW_ENOTFOUND);
	bw_buf_init(&bytes, BW_GUARD_REPORT_MAX);
	e = bw_board_read(reports, &bytes, &seq);
	kept = e == BW_OK ? bw_arena_str(arena, bw_buf_str(&bytes)) : BW_STR_NONE;
	bw_buf_free(&bytes);
	TRY(e);
	return bw_guard_report_decode(kept, arena, out);
}

/* ---- Options ---- */

/* Names of interfaces as the kernel takes them (dev_valid_name), and of namespaces as files: nothing that
 * means more to a shell, a path or a JSON text. */
static bool name_good(struct bw_str s, size_t max)
{
	if (!s.n || s.n > max || bw_str_eq(s, BW_STR(".")) || bw_str_eq(s, BW_STR("..")))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
		        (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '.' || s.p[i] == '_' || s.p[i] == '-' ||
		        s.p[i] == '@'))
			return false;
	return true;
}

static bool id_good(struct bw_str s, struct bw_str prefix)
{
	if (!bw_str_starts(s, prefix) || (s.n != prefix.n + 8 && s.n != prefix.n + 17))
		return false;
	for (size_t i = prefix.n; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return true;
}

static enum bw_err target_parse(
    struct bw_str target, struct bw_arena *arena, struct bw_guard_binding *b, const char **why)
{
	*why = "behind '=' stands one eni- id, or sg- ids with commas between them";
	if (id_good(target, BW_STR("eni-"))) {
		b->network_interface = bw_arena_str(arena, target);
		return BW_OK;
	}
	while (bw_str_set(target)) {
		struct bw_str group = bw_str_cut(&target, ',');

		CHECK(id_good(group, BW_STR("sg-")) && b->groups.n < BW_GUARD_GROUPS_MAX, BW_EINVAL);
		bw_strs_add(&b->groups, arena, bw_arena_str(arena, group));
	}
	return BW_OK;
}

static enum bw_err binding_parse(
    struct bw_str text, struct bw_arena *arena, struct bw_guard_binding *b, const char **why)
{
	struct bw_str target = text, place = bw_str_cut(&target, '='), interface = place,
	              space = bw_str_cut(&interface, '/');

	*why = "it is [NAMESPACE/]INTERFACE=TARGET";
	CHECK(bw_str_set(target), BW_EINVAL);
	if (!bw_str_set(interface)) {
		interface = space;
		space = BW_STR_NONE;
	}
	*why = "a namespace is a name of 'ip netns', an interface a name of at most 15 characters or '*'";
	CHECK(!bw_str_set(space) || name_good(space, 64), BW_EINVAL);
	CHECK(bw_str_eq(interface, BW_STR("*")) || name_good(interface, 15), BW_EINVAL);
	*b = (struct bw_guard_binding){
	    .name = bw_arena_str(arena, place), .space = bw_arena_str(arena, space)};
	if (!bw_str_eq(interface, BW_STR("*")))
		b->interface = bw_arena_str(arena, interface);
	return target_parse(target, arena, b, why);
}

/* "*" and a name in the same namespace both meet a packet: one binding decides. */
static bool same_place(const struct bw_guard_binding *a, const struct bw_guard_binding *b)
{
	return bw_str_eq(a->space, b->space) && (!bw_str_set(a->interface) || !bw_str_set(b->interface) ||
	                                            bw_str_eq(a->interface, b->interface));
}

enum bw_err bw_guard_parse(const char *const *options, struct bw_arena *arena, struct bw_guard_config *out,
    const char **wrong, const char **why)
{
	*out =
	    (struct bw_guard_config){BW_NEW_ARRAY(arena, struct bw_guard_binding, BW_GUARD_BINDINGS_MAX), 0};
	for (; options && *options; options++) {
		*wrong = *options;
		*why = "there are too many";
		CHECK(out->count < BW_GUARD_BINDINGS_MAX, BW_EINVAL);
		TRY(binding_parse(bw_str_c(*options), arena, &out->bindings[out->count], why));
		*why = "the interface is bound already";
		for (size_t i = 0; i < out->count; i++)
			CHECK(!same_place(&out->bindings[i], &out->bindings[out->count]), BW_EINVAL);
		out->count++;
	}
	return BW_OK;
}
