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

variable "case_ids" {
  description = "IDs of the tickets."
  type        = set(string)
  default     = ["TT201801020526"]
}

variable "release" {
  description = "The release that was deployed."
  type        = string
}

variable "outcome" {
  description = "How the deployment ended."
  type        = string
  default     = "success"

  validation {
    condition     = contains(["success", "failure", "cancelled"], var.outcome)
    error_message = "The outcome must be success, failure or cancelled."
  }
}

variable "run_id" {
  description = "ID of the pipeline's run. It must stay the same when you repeat the run."
  type        = string
}

locals {
  text = {
    success   = "Release ${var.release} is live in production. Please watch the connection resets from here on."
    failure   = "The deployment of release ${var.release} to production failed. We are looking into it."
    cancelled = "The deployment of release ${var.release} to production was cancelled."
  }
}

resource "servicerequest_case_message" "deploy" {
  for_each = var.case_ids

  case_id = each.key
  content = local.text[var.outcome]

  # One message for each run and outcome.
  idempotency_key = "deploy ${var.run_id} ${var.outcome}"

  lifecycle {
    create_before_destroy = true # without it, a failed replacement forgets the old message
  }
}

output "confirmed_by" {
  description = "How each message was confirmed, by ticket."
  value       = { for case_id, message in servicerequest_case_message.deploy : case_id => message.confirmed_by }
}
