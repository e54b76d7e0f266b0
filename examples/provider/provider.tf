terraform {
  required_providers {
    servicerequest = {
      source  = "seed-9e648b51/servicerequest"
      version = "~> 0.1"
    }
  }
}

# The endpoint and the token come from the environment:
#   SERVICEREQUEST_ENDPOINT, SERVICEREQUEST_TOKEN
provider "servicerequest" {
  language  = "en-us"
  time_zone = "GMT+1"
}

resource "servicerequest_case_message" "hello" {
  case_id = "TT201801020526"
  content = "The connection resets have stopped since 14:05 UTC. Thank you."
}
