/* The way back: packets that carry our second mark are this machine's, wherever they are addressed to. A rule
 * and a route for each family, made and taken away over rtnetlink(7); both bear our protocol number, and no
 * others are touched. */
#include "guard/guard_internal.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proc/origin.h"

enum {
	OURS = 0x62,       /* rt_protos that nobody has (iproute2's /etc/iproute2/rt_protos) */
	TABLE = 0x6277,    /* of routes, and the rule's place among the others: before the main table */
	REQUEST_MAX = 256,
	RULES_MAX = 64, /* of ours that a start takes away: there is one */
};

struct request {
	struct nlmsghdr head;
	union {
		struct fib_rule_hdr rule;
		struct rtmsg route;
	} of;
	char attributes[REQUEST_MAX];
};

static void attribute_put(struct request *r, unsigned short type, uint32_t value)
{
	struct rtattr *a = (struct rtattr *)((char *)r + NLMSG_ALIGN(r->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(sizeof value);
	memcpy(RTA_DATA(a), &value, sizeof value);
	r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

static void octet_put(struct request *r, unsigned short type, unsigned char value)
{
	struct rtattr *a = (struct rtattr *)((char *)r + NLMSG_ALIGN(r->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(sizeof value);
	memcpy(RTA_DATA(a), &value, sizeof value);
	r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

static void rule_make(unsigned char family, bool add, struct request *r)
{
	*r = (struct request){.head = {.nlmsg_len = NLMSG_LENGTH(sizeof r->of.rule),
	                          .nlmsg_type = add ? RTM_NEWRULE : RTM_DELRULE,
	                          .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_EXCL : 0))},
	    .of.rule = {.family = family, .action = FR_ACT_TO_TBL}};
	attribute_put(r, FRA_PRIORITY, TABLE);
	attribute_put(r, FRA_FWMARK, BW_ORIGIN_MARK_BACK);
	attribute_put(r, FRA_TABLE, TABLE);
	octet_put(r, FRA_PROTOCOL, OURS);
}

static void route_make(unsigned char family, bool add, struct request *r)
{
	*r = (struct request){.head = {.nlmsg_len = NLMSG_LENGTH(sizeof r->of.route),
	                          .nlmsg_type = add ? RTM_NEWROUTE : RTM_DELROUTE,
	                          .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_REPLACE : 0))},
	    .of.route = {.rtm_family = family, .rtm_protocol = OURS, .rtm_type = RTN_LOCAL, .rtm_scope = RT_SCOPE_HOST}};
	attribute_put(r, RTA_TABLE, TABLE);
	attribute_put(r, RTA_OIF, if_nametoindex("lo"));
}

/* 0, or an errno. */
static int request_do(int netlink, struct request *r)
{
	char answer[1024];
	const struct nlmsghdr *head = (const struct nlmsghdr *)answer;
	struct nlmsgerr result;
	ssize_t n;

	if (send(netlink, r, r->head.nlmsg_len, 0) < 0)
		return errno;
	n = recv(netlink, answer, sizeof answer, 0);
	if (n < (ssize_t)NLMSG_LENGTH(sizeof result) || head->nlmsg_type != NLMSG_ERROR)
		return n < 0 ? errno : EPROTO;
	memcpy(&result, NLMSG_DATA(head), sizeof result);
	return -result.error;
}

static int netlink_open(void)
{
	const struct timeval patience = {.tv_sec = 5};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	return fd;
}

static int family_put(int netlink, unsigned char family)
{
	struct request r;
	int e;

	route_make(family, true, &r);
	e = request_do(netlink, &r);
	/* The kernel keeps one of two rules that say the same: the one that is there is ours. */
	rule_make(family, true, &r);
	return e ? e : (e = request_do(netlink, &r)) == EEXIST ? 0 : e;
}

static void family_remove(int netlink, unsigned char family)
{
	struct request r;

	for (int i = 0; i < RULES_MAX; i++) {
		rule_make(family, false, &r);
		if (request_do(netlink, &r) != 0)
			break;
	}
	route_make(family, false, &r);
	(void)request_do(netlink, &r);
}

static const unsigned char families[] = {AF_INET, AF_INET6};

void guard_routes_put(int errors[2])
{
	int netlink = netlink_open();

	for (size_t i = 0; i < BW_COUNT(families); i++)
		errors[i] = netlink < 0 ? errno : family_put(netlink, families[i]);
	if (netlink >= 0)
		close(netlink);
}

void guard_routes_remove(void)
{
	int netlink = netlink_open();

	for (size_t i = 0; netlink >= 0 && i < BW_COUNT(families); i++)
		family_remove(netlink, families[i]);
	if (netlink >= 0)
		close(netlink);
}
