"""Which services are modelled, and what no model says about them."""
import re
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Service:
    name: str                 # botocore's folder
    prefix: str               # of its actions in policies
    event_source: str         # eventSource in CloudTrail
    keep: object = None       # a pattern of operation names; None keeps all
    # Operations that are authorised under an action of another name (service authorisation reference).
    renamed: dict = field(default_factory=dict)
    whole_seconds: bool = False  # XML times without a fraction, as recorded answers show


EC2_KEPT = re.compile(
    r"(Create|Delete|Describe)(SecurityGroups?|Vpcs?|Subnets?|NetworkInterfaces?|Tags|InternetGateways?)"
    r"|(Authorize|Revoke|Update)SecurityGroup(Ingress|Egress|RuleDescriptions(Ingress|Egress))"
    r"|(Describe|Modify)SecurityGroupRules|DescribeSecurityGroupReferences|DescribeStaleSecurityGroups"
    r"|(Associate|Disassociate|Describe)SecurityGroupVpc(Associations)?|GetSecurityGroupsForVpc"
    r"|(Describe|Modify)VpcAttribute|CreateDefaultVpc|ModifySubnetAttribute"
    r"|(Attach|Detach)(NetworkInterface|InternetGateway)"
    r"|(Describe|Modify|Reset)NetworkInterfaceAttribute"
    r"|Describe(Regions|AvailabilityZones|AccountAttributes|RouteTables|NetworkAcls|DhcpOptions|PrefixLists)"
    r"|(Create|Delete|Modify)ManagedPrefixList|DescribeManagedPrefixLists|GetManagedPrefixListEntries"
)


def service(name, prefix=None, event_source=None, **more):
    prefix = prefix or name
    return Service(name, prefix, f"{event_source or prefix}.amazonaws.com", **more)


ALL = (
    service("accessanalyzer", "access-analyzer", renamed={"GetFindingV2": "GetFinding", "ListFindingsV2": "ListFindings"}),
    service("account"),
    service("acm"),
    service("acm-pca"),
    service("artifact"),
    service("cloudtrail"),
    service("ec2", keep=EC2_KEPT),
    service("elbv2", "elasticloadbalancing"),
    service("iam", whole_seconds=True),
    service("identitystore"),
    # ReEncrypt needs kms:ReEncryptFrom on the source key and kms:ReEncryptTo on the destination; the first is the row's.
    service("kms", renamed={"ReEncrypt": "ReEncryptFrom"}),
    service("organizations"),
    service("ram"),
    service("rolesanywhere"),
    service("shield"),
    service("signin"),
    service("sso", "awsssoportal", "sso"),
    service("sso-admin", "sso"),
    service("sso-oidc", "sso-oauth", "sso"),
    service("sts", whole_seconds=True),
    service("wafv2"),
)
