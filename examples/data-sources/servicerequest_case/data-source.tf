terraform {
  required_version = ">= 1.2"

  required_providers {
    servicerequest = {
      source  = "seed-9e648b51/servicerequest"
      version = "~> 0.1"
    }
  }
}

# The environment has the endpoint and the credentials.
provider "servicerequest" {}

# If the ticket is closed, plan and apply fail here. The state keeps a posted
# message, so it is not posted again after the ticket is reopened.
data "servicerequest_case" "outage" {
  case_id = "TT201801020526"

  lifecycle {
    postcondition {
      condition     = self.is_open
      error_message = "The ticket is ${self.status_name}."
    }
  }
}

resource "servicerequest_case_message" "restarted" {
  case_id         = data.servicerequest_case.outage.case_id
  content         = "We have restarted the nodes of cluster-2, too."
  idempotency_key = "restart cluster-2"

  lifecycle {
    create_before_destroy = true # without it, a failed replacement forgets the old message
  }
}

output "status" {
  value = data.servicerequest_case.outage.status_name
}
