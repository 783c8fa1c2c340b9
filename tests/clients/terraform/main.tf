# What a team's identity set-up looks like: users, groups, roles, policies, attachments, a boundary, a password policy.

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

variable "description" {
  type    = string
  default = "made by Terraform"
}

variable "max_session" {
  type    = number
  default = 3600
}

provider "aws" {
  region = "us-east-1"

  endpoints {
    iam = var.endpoint
    sts = var.endpoint
  }

  default_tags {
    tags = {
      managed = "terraform"
    }
  }
}

data "aws_caller_identity" "me" {}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = [aws_iam_user.user.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = ["tf"]
    }
  }
}

data "aws_iam_policy_document" "read" {
  statement {
    sid       = "Read"
    actions   = ["iam:Get*", "iam:List*"]
    resources = ["*"]
  }
}

data "aws_iam_policy" "readonly" {
  arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}

resource "aws_iam_policy" "read" {
  name        = "tf-read"
  path        = "/team/"
  description = "reads identities"
  policy      = data.aws_iam_policy_document.read.json
}

resource "aws_iam_policy" "boundary" {
  name   = "tf-boundary"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["iam:*", "sts:*"], Resource = "*" }] })
}

resource "aws_iam_group" "team" {
  name = "tf-group"
  path = "/team/"
}

resource "aws_iam_group_policy_attachment" "team" {
  group      = aws_iam_group.team.name
  policy_arn = aws_iam_policy.read.arn
}

resource "aws_iam_group_policy" "team" {
  name   = "inline"
  group  = aws_iam_group.team.name
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_user" "user" {
  name                 = "tf-user"
  path                 = "/team/"
  permissions_boundary = aws_iam_policy.boundary.arn
  force_destroy        = true
  tags = {
    team = "blue"
  }
}

resource "aws_iam_user_group_membership" "user" {
  user   = aws_iam_user.user.name
  groups = [aws_iam_group.team.name]
}

resource "aws_iam_user_policy" "user" {
  name   = "assume"
  user   = aws_iam_user.user.name
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Resource = "*" }] })
}

resource "aws_iam_access_key" "user" {
  user = aws_iam_user.user.name
}

resource "aws_iam_role" "role" {
  name                 = "tf-role"
  path                 = "/service/"
  description          = var.description
  max_session_duration = var.max_session
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  tags = {
    team = "blue"
  }
}

resource "aws_iam_role_policy" "role" {
  name   = "inline"
  role   = aws_iam_role.role.id
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_role_policy_attachment" "role" {
  role       = aws_iam_role.role.name
  policy_arn = data.aws_iam_policy.readonly.arn
}

resource "aws_iam_instance_profile" "role" {
  name = "tf-profile"
  role = aws_iam_role.role.name
}

resource "aws_iam_account_password_policy" "strict" {
  minimum_password_length        = 14
  require_lowercase_characters   = true
  require_numbers                = true
  require_symbols                = true
  require_uppercase_characters   = true
  allow_users_to_change_password = true
}

output "account" {
  value = data.aws_caller_identity.me.account_id
}

output "user_arn" {
  value = aws_iam_user.user.arn
}

output "role_arn" {
  value = aws_iam_role.role.arn
}

output "key_id" {
  value = aws_iam_access_key.user.id
}

output "key_secret" {
  value     = aws_iam_access_key.user.secret
  sensitive = true
}
