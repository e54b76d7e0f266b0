terraform {
  required_version = ">= 1.0"

  required_providers {
    servicerequest = {
      source  = "seed-9e648b51/servicerequest"
      version = "~> 0.1"
    }
  }
}

# The environment has the endpoint and the credentials.
provider "servicerequest" {}

variable "case_id" {
  description = "ID of the ticket."
  type        = string
  default     = "TT201801020526"
}

variable "release" {
  description = "The release that is deployed."
  type        = string
  default     = "1.4.0"
}

data "servicerequest_case" "outage" {
  case_id = var.case_id
}

# The message is posted only if the ticket is open. With the key, it is not posted
# again after the ticket was closed and reopened.
resource "servicerequest_case_message" "deployed" {
  count = data.servicerequest_case.outage.is_open ? 1 : 0

  case_id         = var.case_id
  content         = "Release ${var.release} is live in production."
  idempotency_key = "release ${var.release}"

  lifecycle {
    create_before_destroy = true # without it, a failed replacement forgets the old message
  }
}

output "submitted_at" {
  description = "When the message was submitted, or null if there is no message."
  value       = one(servicerequest_case_message.deployed[*].submitted_at)
}
