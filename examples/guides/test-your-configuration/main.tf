terraform {
  required_providers {
    servicerequest = {
      source = "seed-9e648b51/servicerequest"
    }
  }
}

variable "case_id" {
  description = "The ticket that waits for a fix."
  type        = string
  default     = "TT201801020526"
}

variable "release" {
  description = "The release that is being deployed."
  type        = string
  default     = "1.4.0"
}

data "servicerequest_case" "outage" {
  case_id = var.case_id
}

# Only an open ticket gets the message. Thanks to the key, a ticket that is closed
# and opened again does not get it twice.
resource "servicerequest_case_message" "deployed" {
  count = data.servicerequest_case.outage.is_open ? 1 : 0

  case_id         = var.case_id
  content         = "[deploy ${var.release}] Release ${var.release} is live in production."
  idempotency_key = "[deploy ${var.release}]"

  lifecycle {
    create_before_destroy = true
  }
}

output "submitted_at" {
  description = "When the service took the message; null while there is none."
  value       = one(servicerequest_case_message.deployed[*].submitted_at)
}
