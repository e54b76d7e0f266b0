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
}

resource "servicerequest_case_message" "release" {
  case_id = var.case_id
  content = "Release ${var.release} is live in production. Please watch the connection resets from here on."

  # A new release posts a new message, whatever the text says.
  triggers = {
    release = var.release
  }

  # Beside the deployment itself: say it only once that is done.
  # depends_on = [module.deploy]
}

output "submitted_at" {
  description = "When the service took the message."
  value       = servicerequest_case_message.release.submitted_at
}
