# What a team keeps in Terraform of IAM. suite_terraform.py sets the variables; `endpoint` is a Bulwark.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "endpoint" {
  type = string
}

variable "department" {
  type    = string
  default = "security"
}

variable "session_hours" {
  type    = number
  default = 1
}

provider "aws" {
  region                      = "us-east-1"
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = false
  skip_credentials_validation = false

  endpoints {
    iam = var.endpoint
    sts = var.endpoint
  }

  default_tags {
    tags = {
      managed-by = "terraform"
    }
  }
}

data "aws_caller_identity" "me" {}

data "aws_partition" "here" {}

data "aws_iam_policy" "read_only" {
  arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}

data "aws_iam_policy_document" "ec2_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "account_trust" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.here.partition}:iam::${data.aws_caller_identity.me.account_id}:root", aws_iam_user.people["alice"].arn]
    }
    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = ["one", "two"]
    }
  }
}

data "aws_iam_policy_document" "bucket" {
  statement {
    sid       = "Own"
    actions   = ["s3:PutObject", "s3:GetObject"]
    resources = ["arn:aws:s3:::team/&{aws:username}/*"]
  }
  statement {
    sid       = "NotUnencrypted"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = ["*"]
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_iam_account_alias" "this" {
  account_alias = "terraformed-account"
}

resource "aws_iam_account_password_policy" "this" {
  minimum_password_length        = 14
  require_lowercase_characters   = true
  require_uppercase_characters   = true
  require_numbers                = true
  require_symbols                = false
  allow_users_to_change_password = true
  max_password_age               = 90
  password_reuse_prevention      = 5
}

resource "aws_iam_user" "people" {
  for_each      = toset(["alice", "bob", "carol"])
  name          = "tf-${each.key}"
  path          = "/people/"
  force_destroy = true
  tags = {
    department = var.department
  }
}

resource "aws_iam_access_key" "bob" {
  user = aws_iam_user.people["bob"].name
}

resource "aws_iam_group" "team" {
  name = "tf-team"
  path = "/teams/"
}

resource "aws_iam_group" "auditors" {
  name = "tf-auditors"
}

resource "aws_iam_group_membership" "team" {
  name  = "team"
  group = aws_iam_group.team.name
  users = [aws_iam_user.people["alice"].name, aws_iam_user.people["bob"].name]
}

resource "aws_iam_user_group_membership" "carol" {
  user   = aws_iam_user.people["carol"].name
  groups = [aws_iam_group.auditors.name]
}

resource "aws_iam_policy" "bucket" {
  name        = "tf-bucket"
  path        = "/team/"
  description = "Each one's own part of the bucket"
  policy      = data.aws_iam_policy_document.bucket.json
  tags = {
    department = var.department
  }
}

resource "aws_iam_policy" "boundary" {
  name = "tf-boundary"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["s3:*", "iam:Get*"], Resource = "*" }]
  })
}

resource "aws_iam_group_policy_attachment" "team" {
  group      = aws_iam_group.team.name
  policy_arn = aws_iam_policy.bucket.arn
}

resource "aws_iam_group_policy_attachment" "auditors" {
  group      = aws_iam_group.auditors.name
  policy_arn = data.aws_iam_policy.read_only.arn
}

resource "aws_iam_user_policy_attachment" "carol" {
  user       = aws_iam_user.people["carol"].name
  policy_arn = aws_iam_policy.bucket.arn
}

resource "aws_iam_user_policy" "alice" {
  name   = "inline"
  user   = aws_iam_user.people["alice"].name
  policy = data.aws_iam_policy_document.bucket.json
}

resource "aws_iam_group_policy" "team" {
  name  = "inline"
  group = aws_iam_group.team.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = { Effect = "Allow", Action = "iam:ListUsers", Resource = "*" }
  })
}

resource "aws_iam_role" "app" {
  name                 = "tf-app"
  path                 = "/apps/"
  description          = "The application's machines"
  max_session_duration = var.session_hours * 3600
  assume_role_policy   = data.aws_iam_policy_document.ec2_trust.json
  permissions_boundary = aws_iam_policy.boundary.arn
  tags = {
    department = var.department
  }
}

resource "aws_iam_role" "guests" {
  name               = "tf-guests"
  assume_role_policy = data.aws_iam_policy_document.account_trust.json
}

resource "aws_iam_role_policy" "app" {
  name   = "inline"
  role   = aws_iam_role.app.id
  policy = data.aws_iam_policy_document.bucket.json
}

resource "aws_iam_role_policy_attachment" "app" {
  role       = aws_iam_role.app.name
  policy_arn = aws_iam_policy.bucket.arn
}

resource "aws_iam_role_policy_attachment" "guests" {
  role       = aws_iam_role.guests.name
  policy_arn = data.aws_iam_policy.read_only.arn
}

resource "aws_iam_instance_profile" "app" {
  name = "tf-app"
  path = "/apps/"
  role = aws_iam_role.app.name
  tags = {
    department = var.department
  }
}

resource "aws_iam_service_linked_role" "scaling" {
  aws_service_name = "autoscaling.amazonaws.com"
  custom_suffix    = "tf"
  description      = "For the team's machines"
}

# suite_terraform.py makes both files. What is read back must be what was sent, or each plan would make it anew.
resource "aws_iam_server_certificate" "site" {
  name_prefix      = "tf-"
  certificate_body = file("${path.module}/site.pem")
  private_key      = file("${path.module}/site.key")
}

resource "aws_iam_signing_certificate" "bob" {
  user_name        = aws_iam_user.people["bob"].name
  certificate_body = file("${path.module}/site.pem")
}

resource "aws_iam_openid_connect_provider" "pipelines" {
  url             = "https://pipelines.example"
  client_id_list  = ["sts.amazonaws.com"]
  thumbprint_list = ["cf23df2207d99a74fbe169e3eba035e633b65d94"]
}

resource "aws_iam_virtual_mfa_device" "spare" {
  virtual_mfa_device_name = "tf-spare"
}

resource "aws_iam_user_login_profile" "carol" {
  user            = aws_iam_user.people["carol"].name
  password_length = 24
}

resource "aws_iam_service_specific_credential" "bob" {
  service_name = "codecommit.amazonaws.com"
  user_name    = aws_iam_user.people["bob"].name
}

data "aws_iam_principal_policy_simulation" "app" {
  action_names      = ["s3:GetObject"]
  policy_source_arn = aws_iam_role.app.arn
  resource_arns     = ["arn:aws:s3:::nobody/secret"]
}

output "may" {
  value = data.aws_iam_principal_policy_simulation.app.all_allowed
}

output "account" {
  value = data.aws_caller_identity.me.account_id
}

output "policy" {
  value = aws_iam_policy.bucket.arn
}

output "managed" {
  value = data.aws_iam_policy.read_only.name
}

output "bob" {
  sensitive = true
  value     = { id = aws_iam_access_key.bob.id, secret = aws_iam_access_key.bob.secret }
}
