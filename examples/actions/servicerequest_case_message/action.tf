terraform {
  required_version = ">= 1.14.1"

  required_providers {
    servicerequest = {
      source  = "seed-9e648b51/servicerequest"
      version = "~> 0.1"
    }
  }
}

# The environment has the endpoint and the credentials.
provider "servicerequest" {}

variable "release" {
  type    = string
  default = "1.4.0"
}

# Terraform invokes this action after each deployment. To invoke it by hand:
# terraform apply -invoke action.servicerequest_case_message.deployed
action "servicerequest_case_message" "deployed" {
  config {
    case_id         = "TT201801020526"
    content         = "This release is live in production."
    idempotency_key = "deployed ${var.release}"
  }
}

resource "terraform_data" "deploy" {
  input = var.release

  lifecycle {
    action_trigger {
      events  = [after_create, after_update]
      actions = [action.servicerequest_case_message.deployed]
    }
  }
}
