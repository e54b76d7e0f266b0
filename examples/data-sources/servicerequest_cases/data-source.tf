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

data "servicerequest_cases" "outages" {
  keywords   = ["TT201801020526"]
  start_time = "2018-01-01T00:00:00Z"
  limit      = 100
}

output "open" {
  description = "The descriptions of the open tickets, by ticket ID."
  value = {
    for ticket in data.servicerequest_cases.outages.cases : ticket.case_id => ticket.description
    if ticket.is_open
  }
}
