# Keys and certificates. suite_terraform_kms.py sets the variables; `endpoint` is a Bulwark.

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

variable "words" {
  type    = string
  default = "first"
}

variable "days" {
  type    = number
  default = 180
}

variable "authority" {
  type = string
}

provider "aws" {
  region                  = "us-east-1"
  skip_metadata_api_check = true

  endpoints {
    acm    = var.endpoint
    acmpca = var.endpoint
    iam    = var.endpoint
    kms    = var.endpoint
    sts    = var.endpoint
  }
}

provider "aws" {
  alias                   = "west"
  region                  = "us-west-2"
  skip_metadata_api_check = true

  endpoints {
    kms = var.endpoint
    sts = var.endpoint
  }
}

data "aws_caller_identity" "me" {}

resource "aws_iam_user" "worker" {
  name = "kms-worker"
}

resource "aws_kms_key" "data" {
  description             = var.words
  deletion_window_in_days = 7
  enable_key_rotation     = true
  rotation_period_in_days = var.days
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:root" }
      Action    = "kms:*"
      Resource  = "*"
      }, {
      Effect    = "Allow"
      Principal = { AWS = aws_iam_user.worker.arn }
      Action    = var.words == "first" ? ["kms:Decrypt"] : ["kms:Decrypt", "kms:DescribeKey"]
      Resource  = "*"
    }]
  })
  tags = { words = var.words }
}

resource "aws_kms_alias" "data" {
  name          = "alias/data"
  target_key_id = aws_kms_key.data.key_id
}

resource "aws_kms_key" "wide" {
  multi_region            = true
  deletion_window_in_days = 7
}

resource "aws_kms_replica_key" "wide" {
  provider                = aws.west
  primary_key_arn         = aws_kms_key.wide.arn
  description             = var.words
  deletion_window_in_days = 7
  tags                    = { words = var.words }
}

resource "aws_kms_alias" "wide" {
  provider      = aws.west
  name          = "alias/wide"
  target_key_id = aws_kms_replica_key.wide.key_id
}

data "aws_kms_alias" "s3" {
  name = "alias/aws/s3"
}

resource "aws_kms_key" "signing" {
  customer_master_key_spec = "ECC_NIST_P256"
  key_usage                = "SIGN_VERIFY"
  deletion_window_in_days  = 7
}

resource "aws_kms_grant" "worker" {
  name              = "worker"
  key_id            = aws_kms_key.data.key_id
  grantee_principal = aws_iam_user.worker.arn
  operations        = var.words == "first" ? ["Encrypt", "DescribeKey"] : ["Encrypt", "Decrypt"]
  constraints {
    encryption_context_equals = { team = "red" }
  }
}

resource "aws_kms_ciphertext" "secret" {
  key_id    = aws_kms_key.data.key_id
  plaintext = "words"
  context   = { team = "red" }
}

resource "aws_acm_certificate" "site" {
  domain_name               = "site.example"
  subject_alternative_names = ["www.site.example"]
  certificate_authority_arn = var.authority
  key_algorithm             = "EC_prime256v1"
  tags                      = { words = var.words }
}

# As for a site in public: the records would be made by whoever keeps its DNS.
resource "aws_acm_certificate" "public" {
  domain_name               = "public.example"
  subject_alternative_names = ["*.public.example"]
  validation_method         = "DNS"
  key_algorithm             = "EC_prime256v1"
}

resource "aws_acm_certificate_validation" "public" {
  certificate_arn         = aws_acm_certificate.public.arn
  validation_record_fqdns = [for o in aws_acm_certificate.public.domain_validation_options : trimsuffix(o.resource_record_name, ".")]
}

resource "aws_acmpca_certificate_authority" "root" {
  type                            = "ROOT"
  permanent_deletion_time_in_days = 7
  certificate_authority_configuration {
    key_algorithm     = "EC_prime256v1"
    signing_algorithm = "SHA256WITHECDSA"
    subject {
      common_name  = "Terraform root"
      organization = "Tests"
    }
  }
  tags = { team = "red" }
}

resource "aws_acmpca_certificate" "root" {
  certificate_authority_arn   = aws_acmpca_certificate_authority.root.arn
  certificate_signing_request = aws_acmpca_certificate_authority.root.certificate_signing_request
  signing_algorithm           = "SHA256WITHECDSA"
  template_arn                = "arn:aws:acm-pca:::template/RootCACertificate/V1"
  validity {
    type  = "YEARS"
    value = 5
  }
}

resource "aws_acmpca_certificate_authority_certificate" "root" {
  certificate_authority_arn = aws_acmpca_certificate_authority.root.arn
  certificate               = aws_acmpca_certificate.root.certificate
}

resource "aws_acmpca_permission" "acm" {
  certificate_authority_arn = aws_acmpca_certificate_authority.root.arn
  principal                 = "acm.amazonaws.com"
  actions                   = ["IssueCertificate", "GetCertificate", "ListPermissions"]
}

output "root" {
  value = aws_acmpca_certificate_authority_certificate.root.certificate_authority_arn
}

output "key" {
  value = aws_kms_key.data.arn
}

output "replica" {
  value = aws_kms_replica_key.wide.arn
}

output "managed" {
  value = data.aws_kms_alias.s3.target_key_id
}

output "secret" {
  value = aws_kms_ciphertext.secret.ciphertext_blob
}

output "public" {
  value = aws_acm_certificate_validation.public.certificate_arn
}

output "certificate" {
  value = aws_acm_certificate.site.arn
}
