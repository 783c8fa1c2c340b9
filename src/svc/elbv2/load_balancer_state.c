#include "core/publish.h"
#include "svc/elbv2/load_balancer.h"

/* What of a load balancer's listeners the edge says. */
struct listening {
	size_t open, refused;
	struct bw_str reason, warning; /* why one is refused; what one that is open has to say */
};

static const struct bw_edge_listening *listening_find(const struct bw_edge_report *report, struct bw_str arn)
{
	for (size_t i = 0; i < report->listening_count; i++)
		if (bw_str_eq(report->listening[i].listener, arn))
			return &report->listening[i];
	return NULL;
}

/* The newest version among what the edge has to know of: the load balancer's own, and its listeners'. */
static enum bw_err newest(struct bw_call *call, const struct elb_load_balancer *lb,
    const struct bw_edge_report *report, struct listening *l, int64_t *version)
{
	struct bw_str prefix =
	    elb_key(call, &elb_listener_kind, bw_arena_printf(call->arena, "%.*s/", BW_FMT(lb->name)));
	struct bw_strs ids;

	*version = (int64_t)bw_snapshot_version(call->view, elb_key(call, &elb_load_balancer_kind, lb->name));
	TRY(elb_names(call, prefix, &ids));
	for (size_t i = 0; i < ids.n; i++) {
		struct elb_listener one = {
		    .id = ids.v[i], .load_balancer = lb->name, .load_balancer_id = lb->id, .type = lb->type};
		const struct bw_edge_listening *said = listening_find(report, elb_listener_arn(call, &one));
		int64_t its = (int64_t)bw_snapshot_version(
		    call->view, bw_arena_printf(call->arena, "%.*s%.*s", BW_FMT(prefix), BW_FMT(ids.v[i])));

		if (its > *version)
			*version = its;
		if (said && said->open) {
			l->open++;
			l->warning = said->reason.n ? said->reason : l->warning;
		}
		if (said && !said->open) {
			l->refused++;
			l->reason = said->reason;
		}
	}
	return BW_OK;
}

/* A load balancer that is being written in this very call has no version yet: it is provisioning. */
static enum bw_err state_of(struct bw_call *call, const struct elb_load_balancer *lb,
    const struct bw_edge_report *report, struct elbv2_LoadBalancerState *out)
{
	struct listening l = {0};
	int64_t version;

	TRY(newest(call, lb, report, &l, &version));
	if (version == 0 || report->image_version < version)
		out->Code = BW_STR("provisioning");
	else if (l.refused)
		*out = (struct elbv2_LoadBalancerState){l.open ? BW_STR("active_impaired") : BW_STR("failed"),
		    bw_arena_str(call->arena, l.reason)};
	else
		*out = (struct elbv2_LoadBalancerState){BW_STR("active"), l.warning.n ? bw_arena_str(call->arena, l.warning) : BW_STR_NONE};
	return BW_OK;
}

enum bw_err elb_load_balancer_to_shape(struct bw_call *call, const struct elb_load_balancer *lb,
    const struct bw_edge_report *report, struct elbv2_LoadBalancer *out)
{
	*out = lb->shape;
	out->LoadBalancerArn = elb_load_balancer_arn(call, lb->type, lb->name, lb->id);
	out->CreatedTime = BW_TIME(lb->created_ms);
	out->State = BW_NEW(call->arena, struct elbv2_LoadBalancerState);
	return state_of(call, lb, report, out->State);
}

/* Elastic Load Balancing endpoints and quotas (AWS General Reference). */
static const struct {
	const char *region, *application, *network;
} zones[] = {
    {"us-east-1", "Z35SXDOTRQ7X7K", "Z26RNL4JYFTOTI"},
    {"us-east-2", "Z3AADJGX6KTTL2", "ZLMOA37VPKANP"},
    {"us-west-1", "Z368ELLRRE2KJ0", "Z24FKFUX50B4VW"},
    {"us-west-2", "Z1H1FL5HABSF5", "Z18D5FSROUN65G"},
    {"eu-west-1", "Z32O12XQLNTSW2", "Z2IFOLAFXWLO4F"},
    {"eu-west-2", "ZHURV8PSTC4K8", "ZD4D7Y8KGAS4G"},
    {"eu-west-3", "Z3Q77PNBQS71R4", "Z1CMS0P5QUZ6D5"},
    {"eu-central-1", "Z215JYRZR1TBD5", "Z3F0SRJ5LGBH90"},
    {"eu-north-1", "Z23TAZ6LKFMNIO", "Z1UDT6IFJ4EJM"},
    {"ap-northeast-1", "Z14GRHDCWA56QT", "Z31USIVHYNEOWT"},
    {"ap-northeast-2", "ZWKZPGTI48KDX", "ZIBE1TIR4HY56"},
    {"ap-northeast-3", "Z5LXEXXYW11ES", "Z1GWIQ4HH19I5X"},
    {"ap-southeast-1", "Z1LMS91P8CMLE5", "ZKVM4W9LS7TM"},
    {"ap-southeast-2", "Z1GM3OXH4ZPM65", "ZCT6FZBF4DROD"},
    {"ap-south-1", "ZP97RAFLXTNZK", "ZVDDRBQ08TROA"},
    {"ca-central-1", "ZQSVJUPU6J1EY", "Z2EPGBW3API2WT"},
    {"sa-east-1", "Z2P70J7HTTTPLU", "ZTK26PT1VY4CU"},
    {"af-south-1", "Z268VQBMOI5EKX", "Z203XCE67M25HM"},
    {"ap-east-1", "Z3DQVH9N71FHZ0", "Z12Y7K3UBGUAD1"},
    {"ap-south-2", "Z0173938T07WNTVAEPZN", "Z0711778386UTO08407HT"},
    {"ap-southeast-3", "Z08888821HLRG5A9ZRTER", "Z01971771FYVNCOVWJU1G"},
    {"ap-southeast-4", "Z09517862IB2WZLPXG76F", "Z01156963G8MIIL7X90IV"},
    {"ap-southeast-5", "Z06010284QMVVW7WO5J", "Z026317210H9ACVTRO6FB"},
    {"ap-southeast-7", "Z0390008CMBRTHFGWBCB", "Z054363131YWATEMWRG5L"},
    {"ca-west-1", "Z06473681N0SF6OS049SD", "Z02754302KBB00W2LKWZ9"},
    {"eu-central-2", "Z06391101F2ZOEP8P5EB3", "Z02239872DOALSIDCX66S"},
    {"eu-south-1", "Z3ULH7SSC9OV64", "Z23146JA1KNAFP"},
    {"eu-south-2", "Z0956581394HF5D5LXGAP", "Z1011216NVTVYADP1SSV"},
    {"il-central-1", "Z09170902867EHPV2DABU", "Z0313266YDI6ZRHTGQY4"},
    {"me-central-1", "Z08230872XQRWHG2XF6I", "Z00282643NTTLPANJJG2P"},
    {"me-south-1", "ZS929ML54UICD", "Z3QSRYVP46NYYV"},
    {"mx-central-1", "Z023552324OKD1BB28BH5", "Z02031231H3ID6HYJ9A7U"},
};

struct bw_str elb_hosted_zone(struct bw_str region, bool application)
{
	for (size_t i = 0; i < BW_COUNT(zones); i++)
		if (elb_is(region, zones[i].region))
			return bw_str_c(application ? zones[i].application : zones[i].network);
	return BW_STR_NONE;
}
