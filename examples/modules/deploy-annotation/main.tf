terraform {
  required_version = ">= 1.0"

  required_providers {
    servicerequest = {
      source  = "seed-9e648b51/servicerequest"
      version = ">= 0.1"
    }
  }
}

locals {
  text = {
    success   = "Release ${var.release} is live."
    failure   = "The deployment of release ${var.release} failed."
    cancelled = "The deployment of release ${var.release} was cancelled."
  }
}

resource "servicerequest_case_message" "this" {
  case_id         = var.case_id
  group_id        = var.group_id
  content         = local.text[var.outcome]
  idempotency_key = "annotate ${var.run_id} ${var.outcome}"

  lifecycle {
    create_before_destroy = true # without it, a failed replacement forgets the old message
  }
}
