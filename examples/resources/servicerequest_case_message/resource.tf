terraform {
  required_providers {
    servicerequest = {
      source = "seed-9e648b51/servicerequest"
    }
  }
}

resource "servicerequest_case_message" "restarted" {
  case_id = "TT201801020526"
  content = "We have restarted the nodes of cluster-1, as you asked."
}

# Posted once, and again whenever the maintenance window changes.
variable "maintenance_window" {
  type    = string
  default = "2026-01-10 22:00 UTC"
}

resource "servicerequest_case_message" "maintenance" {
  case_id = "TT201801020526"
  content = "Our next maintenance window is at ${var.maintenance_window}."

  triggers = {
    window = var.maintenance_window
  }

  timeouts = {
    create = "2m"
  }
}

# The key makes it safe to repeat a run that was killed, or that lost its state.
variable "run" {
  type    = string
  default = "4711"
}

resource "servicerequest_case_message" "deployed" {
  case_id         = "TT201801020526"
  content         = "[deploy ${var.run}] Release 1.4.0 is live in production."
  idempotency_key = "[deploy ${var.run}]"
}
