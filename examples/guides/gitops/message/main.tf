terraform {
  required_providers {
    servicerequest = {
      source = "seed-9e648b51/servicerequest"
    }
  }
}

variable "case_id" {
  description = "The ticket that waits for the release."
  type        = string
  default     = "TT201801020526"
}

variable "release" {
  description = "The release that is live. A change of it in Git posts a message."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{1,40}$", var.release))
    error_message = "The release must have 1 to 40 letters, digits and - _ . characters."
  }
}

resource "servicerequest_case_message" "release" {
  case_id         = var.case_id
  content         = "[release ${var.release}] This release is live in production."
  idempotency_key = "[release ${var.release}]"

  # A failed attempt leaves the earlier message in the state.
  lifecycle {
    create_before_destroy = true
  }
}

output "confirmed_by" {
  description = "How the message was confirmed."
  value       = servicerequest_case_message.release.confirmed_by
}
