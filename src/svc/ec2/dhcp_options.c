#include "svc/ec2/ec2.h"

/* The one set that AWS gives a Region. */
struct options_item {
	struct bw_str id, domain;
};

static void key_facts(struct ec2_facts *f, const void *item)
{
	(void)item;
	ec2_fact(f, BW_STR("domain-name"));
	ec2_fact(f, BW_STR("domain-name-servers"));
}

static void value_facts(struct ec2_facts *f, const void *item)
{
	ec2_fact(f, ((const struct options_item *)item)->domain);
	ec2_fact(f, BW_STR("AmazonProvidedDNS"));
}

static const struct ec2_filter_row options_filters[] = {
    EC2_FILTER_STR("dhcp-options-id", struct options_item, id),
    EC2_FILTER_OF("key", key_facts),
    EC2_FILTER_OF("value", value_facts),
    EC2_FILTER_OWNER("owner-id"),
};
static const struct ec2_listing options_listing = {
    &ec2_dhcp_options, sizeof(struct options_item), options_filters, BW_COUNT(options_filters)};

static void configuration_shape(
    struct bw_call *call, const char *key, struct bw_str value, struct ec2_DhcpConfiguration *out)
{
	*out = (struct ec2_DhcpConfiguration){
	    .Key = bw_str_c(key), .Values = {true, 1, BW_NEW(call->arena, struct ec2_AttributeValue)}};
	out->Values.v->Value = value;
}

static enum bw_err options_shape(
    struct bw_call *call, const struct options_item *o, struct ec2_DhcpOptions *out)
{
	*out = (struct ec2_DhcpOptions){.OwnerId = call->account,
	    .DhcpOptionsId = o->id,
	    .DhcpConfigurations = {true, 2, BW_NEW_ARRAY(call->arena, struct ec2_DhcpConfiguration, 2)}};
	configuration_shape(call, "domain-name", o->domain, &out->DhcpConfigurations.v[0]);
	configuration_shape(
	    call, "domain-name-servers", BW_STR("AmazonProvidedDNS"), &out->DhcpConfigurations.v[1]);
	return ec2_tags_shape(call, o->id, &out->Tags);
}

EC2_OP(DescribeDhcpOptions, .effect = BW_READ)
{
	struct bw_network n = bw_network_of(call);
	struct options_item item = {bw_network_dhcp_options(&n), ec2_internal_domain(call)};
	struct ec2_page page;

	TRY(ec2_select(call, &options_listing, &item, 1, &in->DhcpOptionsIds, &in->Filters, in->NextToken,
	    in->MaxResults, &page));
	out->DhcpOptions = (struct ec2_DhcpOptionsList){
	    true, page.n, BW_NEW_ARRAY(call->arena, struct ec2_DhcpOptions, page.n)};
	for (size_t i = 0; i < page.n; i++)
		TRY(options_shape(call, page.items[i], &out->DhcpOptions.v[i]));
	out->NextToken = page.next_token;
	return BW_OK;
}
