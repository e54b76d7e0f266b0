terraform {
  required_providers {
    servicerequest = {
      source = "seed-9e648b51/servicerequest"
    }
  }
}

data "servicerequest_case" "outage" {
  case_id = "TT201801020526"
}

# Only an open ticket gets the message. Once the ticket is closed, the message
# leaves the state, and stays on the ticket. If the ticket is opened again, the
# message is posted again.
resource "servicerequest_case_message" "restarted" {
  count = data.servicerequest_case.outage.is_open ? 1 : 0

  case_id = data.servicerequest_case.outage.case_id
  content = "We have restarted the nodes of cluster-1, as you asked."
}

output "status" {
  value = data.servicerequest_case.outage.status_name
}
