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
provider "servicerequest" {
  language  = "en-us"
  time_zone = "GMT+1"
}

variable "run" {
  description = "Number of the pipeline's run. Each run posts one message."
  type        = string
  default     = "4711"
}

# The ticket shows "[upgrade 4711] Release 1.4.0 is live. ...". A message that the
# ticket already shows is not posted again.
resource "servicerequest_case_message" "deployed" {
  case_id         = "TT201801020526"
  content         = "Release 1.4.0 is live. The connection resets have stopped."
  idempotency_key = "upgrade ${var.run}"

  lifecycle {
    create_before_destroy = true # without it, a failed replacement forgets the old message
  }
}
