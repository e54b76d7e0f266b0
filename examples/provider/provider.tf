terraform {
  required_providers {
    servicerequest = {
      source  = "seed-9e648b51/servicerequest"
      version = "~> 0.1"
    }
  }
}

# The endpoint and the credentials come from the environment.
provider "servicerequest" {
  language  = "en-us"
  time_zone = "GMT+1"
}

variable "run" {
  description = "What the message is about, such as the number of a pipeline's run."
  type        = string
  default     = "4711"
}

# The key makes it safe to apply again, on any machine, with or without a state.
resource "servicerequest_case_message" "deployed" {
  case_id         = "TT201801020526"
  content         = "[deploy ${var.run}] Release 1.4.0 is live. The connection resets have stopped."
  idempotency_key = "[deploy ${var.run}]"

  lifecycle {
    create_before_destroy = true
  }
}
