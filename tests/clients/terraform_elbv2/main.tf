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

variable "vpc" {
  type = string
}

variable "subnets" {
  type = list(string)
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

resource "aws_lb" "site" {
  name                       = "tf-site"
  internal                   = false
  load_balancer_type         = "application"
  subnets                    = var.subnets
  idle_timeout               = 120
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "strictest"
}

resource "aws_lb" "front" {
  name               = "tf-front"
  load_balancer_type = "network"
  subnets            = slice(var.subnets, 0, 1)
}

resource "aws_lb_target_group" "web" {
  for_each = toset(["blue", "green"])

  name                 = "tf-${each.key}"
  port                 = 80
  protocol             = "HTTP"
  vpc_id               = var.vpc
  target_type          = "ip"
  deregistration_delay = var.delay

  health_check {
    path     = "/up"
    interval = 10
    timeout  = 3
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
  vpc_id   = var.vpc
}

resource "aws_lb_target_group" "tcp" {
  name        = "tf-tcp"
  port        = 5432
  protocol    = "TCP"
  vpc_id      = var.vpc
  target_type = "ip"
}

resource "aws_lb_target_group_attachment" "web" {
  target_group_arn = aws_lb_target_group.web["blue"].arn
  target_id        = "127.0.0.1"
  port             = 8081
}

resource "aws_lb_target_group_attachment" "remote" {
  target_group_arn  = aws_lb_target_group.web["green"].arn
  target_id         = "10.9.8.7"
  availability_zone = "all"
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.site.arn
  port              = 80
  protocol          = "HTTP"

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

resource "aws_lb_listener" "single" {
  load_balancer_arn = aws_lb.site.arn
  port              = 8080

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.plain.arn
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
  listener_arn = aws_lb_listener.http.arn
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
  listener_arn = aws_lb_listener.http.arn

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

output "dns" {
  value = data.aws_lb.site.dns_name
}

output "rule" {
  value = aws_lb_listener_rule.redirect.priority
}

output "site" {
  value = aws_lb.site.arn
}
