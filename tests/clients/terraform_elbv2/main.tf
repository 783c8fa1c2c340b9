# A site behind load balancers. suite_terraform_elbv2.py sets the variables; `endpoint` is a Bulwark.

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

variable "ports" {
  type = map(number)
}

variable "applications" {
  type = map(number)
}

variable "authority" {
  type = string
}

variable "visitors" {
  type    = string
  default = "127.0.0.7/32"
}

variable "delay" {
  type    = number
  default = 5
}

variable "weight" {
  type    = number
  default = 10
}

provider "aws" {
  region                      = "us-east-1"
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = false
  skip_credentials_validation = false

  endpoints {
    acm   = var.endpoint
    ec2   = var.endpoint
    elbv2 = var.endpoint
    iam   = var.endpoint
    sts   = var.endpoint
  }

  default_tags {
    tags = {
      managed-by = "terraform"
    }
  }
}

resource "aws_vpc" "site" {
  cidr_block = "10.30.0.0/16"
}

resource "aws_subnet" "site" {
  for_each = { us-east-1a = 1, us-east-1b = 2 }

  vpc_id            = aws_vpc.site.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(aws_vpc.site.cidr_block, 8, each.value)
}

resource "aws_internet_gateway" "site" {
  vpc_id = aws_vpc.site.id
}

resource "aws_security_group" "site" {
  name   = "tf-site"
  vpc_id = aws_vpc.site.id

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["127.0.0.0/8"]
  }
}

resource "aws_vpc_security_group_ingress_rule" "visitors" {
  for_each = var.ports

  security_group_id = aws_security_group.site.id
  cidr_ipv4         = var.visitors
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
}

resource "aws_acm_certificate" "site" {
  domain_name               = "site.example"
  certificate_authority_arn = var.authority
  key_algorithm             = "EC_prime256v1"
}

resource "aws_lb_trust_store" "clients" {
  name                             = "tf-clients"
  ca_certificates_bundle_s3_bucket = "tf-trust"
  ca_certificates_bundle_s3_key    = "ca.pem"
}

resource "aws_lb" "site" {
  name                       = "tf-site"
  internal                   = false
  load_balancer_type         = "application"
  subnets                    = [for s in aws_subnet.site : s.id]
  security_groups            = [aws_security_group.site.id]
  idle_timeout               = 120
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "strictest"
  depends_on                 = [aws_internet_gateway.site]
}

resource "aws_lb" "front" {
  name               = "tf-front"
  load_balancer_type = "network"
  internal           = true
  subnets            = [aws_subnet.site["us-east-1a"].id]
}

resource "aws_lb_target_group" "web" {
  for_each = toset(["blue", "green"])

  name                 = "tf-${each.key}"
  port                 = 80
  protocol             = "HTTP"
  vpc_id               = aws_vpc.site.id
  target_type          = "ip"
  deregistration_delay = var.delay

  health_check {
    path     = "/up"
    interval = 5
    timeout  = 2
    matcher  = "200-299"
  }

  stickiness {
    type            = "lb_cookie"
    cookie_duration = 600
  }
}

resource "aws_lb_target_group" "plain" {
  name     = "tf-plain"
  port     = 80
  protocol = "HTTP"
  vpc_id   = aws_vpc.site.id
}

resource "aws_lb_target_group" "tcp" {
  name        = "tf-tcp"
  port        = 5432
  protocol    = "TCP"
  vpc_id      = aws_vpc.site.id
  target_type = "ip"

  health_check {
    protocol = "TCP"
    interval = 10
  }
}

resource "aws_lb_target_group_attachment" "web" {
  for_each = var.applications

  target_group_arn  = aws_lb_target_group.web[each.key == "third" ? "green" : "blue"].arn
  target_id         = "127.0.0.1"
  port              = each.value
  availability_zone = "all"
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.site.arn
  port              = var.ports["http"]
  protocol          = "HTTP"

  default_action {
    type = "redirect"

    redirect {
      port        = var.ports["https"]
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.site.arn
  port              = var.ports["https"]
  protocol          = "HTTPS"
  certificate_arn   = aws_acm_certificate.site.arn
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"

  default_action {
    type = "forward"

    forward {
      target_group {
        arn    = aws_lb_target_group.web["blue"].arn
        weight = 100
      }

      target_group {
        arn    = aws_lb_target_group.web["green"].arn
        weight = var.weight
      }

      stickiness {
        enabled  = true
        duration = 600
      }
    }
  }
}

resource "aws_lb_listener" "mutual" {
  load_balancer_arn = aws_lb.site.arn
  port              = var.ports["mutual"]
  protocol          = "HTTPS"
  certificate_arn   = aws_acm_certificate.site.arn

  mutual_authentication {
    mode            = "verify"
    trust_store_arn = aws_lb_trust_store.clients.arn
  }

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web["blue"].arn
  }
}

resource "aws_lb_listener" "shown" {
  load_balancer_arn = aws_lb.site.arn
  port              = var.ports["shown"]
  protocol          = "HTTPS"
  certificate_arn   = aws_acm_certificate.site.arn

  mutual_authentication {
    mode = "passthrough"
  }

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web["blue"].arn
  }
}

resource "aws_lb_listener" "tcp" {
  load_balancer_arn = aws_lb.front.arn
  port              = 5432
  protocol          = "TCP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.tcp.arn
  }
}

resource "aws_lb_listener_rule" "fixed" {
  listener_arn = aws_lb_listener.https.arn
  priority     = 100

  action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      message_body = "no"
      status_code  = "403"
    }
  }

  condition {
    path_pattern {
      values = ["/private/*", "/secret"]
    }
  }

  condition {
    host_header {
      values = ["*.example.com"]
    }
  }

  condition {
    http_header {
      http_header_name = "X-Tenant"
      values           = ["red*"]
    }
  }
}

resource "aws_lb_listener_rule" "redirect" {
  listener_arn = aws_lb_listener.https.arn

  action {
    type = "redirect"

    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }

  condition {
    query_string {
      key   = "secure"
      value = "yes"
    }
  }

  condition {
    source_ip {
      values = ["10.0.0.0/8"]
    }
  }

  condition {
    http_request_method {
      values = ["GET", "HEAD"]
    }
  }
}

data "aws_lb" "site" {
  arn = aws_lb.site.arn
}

output "certificate" {
  value = aws_acm_certificate.site.arn
}

output "dns" {
  value = data.aws_lb.site.dns_name
}

output "rule" {
  value = aws_lb_listener_rule.redirect.priority
}

output "site" {
  value = aws_lb.site.arn
}
