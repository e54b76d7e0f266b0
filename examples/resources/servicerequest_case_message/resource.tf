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

# The ticket shows "[rollout 4711] Release 1.4.0 is live in production." Before the
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
  idempotency_key = "rollout ${var.run}"

  timeouts = {
    create = "10m"
  }

  lifecycle {
    create_before_destroy = true # without it, a failed replacement forgets the old message
  }
}
