#include "svc/ec2/interface.h"

EC2_OP(DescribeNetworkInterfaceAttribute, .effect = BW_READ, .resource = ec2_interface_resource)
{
	struct bw_network_interface i;
	struct ec2_NetworkInterface shape;

	TRY(ec2_load(call, &ec2_interface, in->NetworkInterfaceId, &i));
	TRY(ec2_interface_shape(call, &i, &shape));
	out->NetworkInterfaceId = i.id;
	if (bw_str_eq(in->Attribute, BW_STR("description"))) {
		out->Description = BW_NEW(call->arena, struct ec2_AttributeValue);
		out->Description->Value = shape.Description;
	} else if (bw_str_eq(in->Attribute, BW_STR("groupSet"))) {
		out->Groups = shape.Groups;
	} else if (bw_str_eq(in->Attribute, BW_STR("sourceDestCheck"))) {
		out->SourceDestCheck = BW_NEW(call->arena, struct ec2_AttributeBooleanValue);
		out->SourceDestCheck->Value = BW_BOOL(i.source_check);
	} else if (bw_str_eq(in->Attribute, BW_STR("attachment"))) {
		out->Attachment = shape.Attachment;
	} else if (bw_str_eq(in->Attribute, BW_STR("associatePublicIpAddress"))) {
		out->AssociatePublicIpAddress = BW_BOOL(i.public_address.n > 0);
	} else {
		return bw_call_fail(
		    call, "MissingParameter", "%s", "The request must contain the parameter attribute");
	}
	return BW_OK;
}

static enum bw_err modify_resource(struct bw_call *call)
{
	const struct ec2_ModifyNetworkInterfaceAttributeRequest *in = call->in;

	TRY(ec2_interface_resource(call));
	for (size_t i = 0; i < in->Groups.n && i < EC2_INTERFACE_GROUPS_MAX; i++)
		ec2_about_id(call, in->Groups.v[i]);
	return BW_OK;
}

static enum bw_err groups_modify(
    struct bw_call *call, const struct ec2_SecurityGroupIdStringList *given, struct bw_network_interface *i)
{
	struct bw_strs groups;
	struct bw_vpc vpc;

	TRY(ec2_load(call, &ec2_vpc, i->vpc, &vpc));
	TRY(ec2_interface_groups_check(call, &vpc, i->subnet, given, &groups));
	bw_network_members_set(call, i, &groups);
	i->groups = groups;
	return BW_OK;
}

static enum bw_err unsupported_refuse(
    struct bw_call *call, const struct ec2_ModifyNetworkInterfaceAttributeRequest *in)
{
	if (in->Attachment)
		return bw_call_fail(call, "InvalidAttachmentID.NotFound",
		    "The networkInterface attachment ID '%.*s' does not exist",
		    BW_FMT(in->Attachment->AttachmentId));
	if (in->EnaSrdSpecification || in->EnablePrimaryIpv6.v || in->ConnectionTrackingSpecification ||
	    in->AssociatePublicIpAddress.v || in->AssociatedSubnetIds.n)
		return bw_call_fail(
		    call, "UnsupportedOperation", "%s", "This attribute cannot be modified here.");
	return BW_OK;
}

EC2_OP(ModifyNetworkInterfaceAttribute, .effect = BW_WRITE, .resource = modify_resource)
{
	int given = (in->Description != NULL) + (in->SourceDestCheck != NULL) + (in->Groups.n > 0);
	struct bw_network_interface i;

	TRY(ec2_interface_own(call, in->NetworkInterfaceId, &i));
	TRY(unsupported_refuse(call, in));
	if (given != 1)
		return bw_call_fail(call, given ? "InvalidParameterCombination" : "MissingParameter", "%s",
		    given ? "Only one attribute can be modified at a time."
		          : "The request must contain an attribute to modify.");
	if (in->Description && in->Description->Value.n > 255)
		return bw_call_fail(
		    call, "InvalidParameterValue", "%s", "A description has at most 255 characters.");
	if (in->Description)
		i.description = in->Description->Value;
	if (in->SourceDestCheck)
		i.source_check = in->SourceDestCheck->Value.v;
	if (in->Groups.n)
		TRY(groups_modify(call, &in->Groups, &i));
	bw_network_save(call, &bw_network_interface_record, &i);
	return BW_OK;
}

EC2_OP(ResetNetworkInterfaceAttribute, .effect = BW_WRITE, .resource = ec2_interface_resource)
{
	struct bw_network_interface i;

	TRY(ec2_interface_own(call, in->NetworkInterfaceId, &i));
	i.source_check = true;
	bw_network_save(call, &bw_network_interface_record, &i);
	return BW_OK;
}
