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

data "servicerequest_case_messages" "answers" {
  case_id     = "TT201801020526"
  author_type = "engineer"
}

output "last_answer" {
  description = "The last message of an engineer, or null if there is none."
  value       = try(data.servicerequest_case_messages.answers.messages[length(data.servicerequest_case_messages.answers.messages) - 1].content, null)
}
