terraform {
  required_version = ">= 1.0"

  required_providers {
    servicerequest = {
      source  = "seed-9e648b51/servicerequest"
      version = "~> 0.1"
    }
  }
}

# The ticket shows "[deploy 4711] Release 1.4.0 is live in production." Before the
# message is posted, the ticket is searched for the key. A message that the ticket
# shows is not posted again, even if a run was killed or the state is lost. Another
# run number posts another message.
variable "run" {
  type    = string
  default = "4711"
}

resource "servicerequest_case_message" "deployed" {
  case_id         = "TT201801020526"
  content         = "Release 1.4.0 is live in production."
  idempotency_key = "deploy ${var.run}"

  timeouts = {
    create = "10m"
  }

  lifecycle {
    create_before_destroy = true
  }
}

# Without a key, only the state records that the message was posted. If triggers
# change, it is posted again.
variable "maintenance_window" {
  type    = string
  default = "2026-01-10 22:00 UTC"
}

resource "servicerequest_case_message" "restarted" {
  case_id = "TT201801020526"
  content = "We have restarted the nodes of cluster-1, as you asked."

  triggers = {
    window = var.maintenance_window
  }

  lifecycle {
    create_before_destroy = true
  }
}
