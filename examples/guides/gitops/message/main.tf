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

variable "release" {
  description = "The release that is live. Changing it in Git posts a message."
  type        = string
}

resource "servicerequest_case_message" "release" {
  case_id         = "TT201801020526"
  content         = "This release is live in production."
  idempotency_key = "live ${var.release}"

  lifecycle {
    create_before_destroy = true # without it, a failed replacement forgets the old message
  }
}

output "confirmed_by" {
  description = "How the message was confirmed: response, check or existing."
  value       = servicerequest_case_message.release.confirmed_by
}
