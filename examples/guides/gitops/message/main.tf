terraform {
  required_version = ">= 1.0"

  required_providers {
    servicerequest = {
      source  = "seed-9e648b51/servicerequest"
      version = "~> 0.1"
    }
  }
}

variable "case_id" {
  description = "ID of the ticket."
  type        = string
  default     = "TT201801020526"
}

variable "release" {
  description = "The release that is live. Changing it in Git posts a message."
  type        = string
}

resource "servicerequest_case_message" "release" {
  case_id         = var.case_id
  content         = "This release is live in production."
  idempotency_key = "release ${var.release}"

  # If an attempt fails, the state keeps the earlier message.
  lifecycle {
    create_before_destroy = true
  }
}

output "confirmed_by" {
  description = "How the message was confirmed: response, check or existing."
  value       = servicerequest_case_message.release.confirmed_by
}
