# The network of a small site. suite_terraform_ec2.py sets the variables; `endpoint` is a Bulwark.

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

variable "web_port" {
  type    = number
  default = 443
}

provider "aws" {
  region                  = "us-east-1"
  skip_metadata_api_check = true

  endpoints {
    ec2 = var.endpoint
    iam = var.endpoint
    sts = var.endpoint
  }

  default_tags {
    tags = {
      managed-by = "terraform"
    }
  }
}

data "aws_availability_zones" "all" {
  state = "available"
}

data "aws_vpc" "default" {
  default = true
}

data "aws_subnets" "default" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.default.id]
  }
}

data "aws_security_group" "default" {
  name   = "default"
  vpc_id = data.aws_vpc.default.id
}

resource "aws_vpc" "site" {
  cidr_block           = "10.20.0.0/16"
  enable_dns_hostnames = true

  tags = {
    Name = "site"
  }
}

resource "aws_subnet" "site" {
  count                   = 2
  vpc_id                  = aws_vpc.site.id
  cidr_block              = cidrsubnet(aws_vpc.site.cidr_block, 8, count.index)
  availability_zone       = data.aws_availability_zones.all.names[count.index]
  map_public_ip_on_launch = count.index == 0
}

resource "aws_internet_gateway" "site" {
  vpc_id = aws_vpc.site.id
}

resource "aws_ec2_managed_prefix_list" "offices" {
  name           = "offices"
  address_family = "IPv4"
  max_entries    = 5

  entry {
    cidr        = "192.0.2.0/24"
    description = "main"
  }
  entry {
    cidr = "198.51.100.0/24"
  }
}

resource "aws_security_group" "balancer" {
  name        = "balancer"
  description = "what reaches the site"
  vpc_id      = aws_vpc.site.id

  ingress {
    description      = "the world"
    from_port        = var.web_port
    to_port          = var.web_port
    protocol         = "tcp"
    cidr_blocks      = ["0.0.0.0/0"]
    ipv6_cidr_blocks = ["::/0"]
  }
  ingress {
    from_port       = 22
    to_port         = 22
    protocol        = "tcp"
    prefix_list_ids = [aws_ec2_managed_prefix_list.offices.id]
  }
  ingress {
    from_port   = 8
    to_port     = 0
    protocol    = "icmp"
    cidr_blocks = ["10.0.0.0/8"]
  }
  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_security_group" "application" {
  name_prefix = "application-"
  vpc_id      = aws_vpc.site.id
}

resource "aws_security_group_rule" "application" {
  type                     = "ingress"
  security_group_id        = aws_security_group.application.id
  source_security_group_id = aws_security_group.balancer.id
  from_port                = 8080
  to_port                  = 8089
  protocol                 = "tcp"
  description              = "from the balancer"
}

resource "aws_security_group" "database" {
  name   = "database"
  vpc_id = aws_vpc.site.id
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  security_group_id            = aws_security_group.database.id
  referenced_security_group_id = aws_security_group.application.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  description                  = "port ${var.web_port}"
}

resource "aws_vpc_security_group_egress_rule" "database" {
  security_group_id = aws_security_group.database.id
  cidr_ipv4         = "10.20.0.0/16"
  ip_protocol       = "-1"
}

resource "aws_network_interface" "database" {
  subnet_id       = aws_subnet.site[0].id
  private_ips     = ["10.20.0.10"]
  security_groups = [aws_security_group.database.id]
  description     = "the database's"
}

resource "aws_default_security_group" "site" {
  vpc_id = aws_vpc.site.id
}

output "vpc" {
  value = aws_vpc.site.id
}

output "interface" {
  value = aws_network_interface.database.id
}

output "default_subnets" {
  value = length(data.aws_subnets.default.ids)
}

output "balancer" {
  value = aws_security_group.balancer.id
}
