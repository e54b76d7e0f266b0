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

variable "case_id" {
  description = "ID of the ticket."
  type        = string
  default     = "TT201801020526"
}

variable "traces" {
  description = "Folder with the traces. Every text file in it is attached."
  type        = string
  default     = "traces"
}

locals {
  files  = sort(fileset("${path.module}/${var.traces}", "*.txt"))
  digest = sha256(join("", [for name in local.files : filesha256("${path.module}/${var.traces}/${name}")]))
}

resource "servicerequest_attachment" "trace" {
  for_each = toset(local.files)

  source = "${path.module}/${var.traces}/${each.key}"
}

# A new or changed file is uploaded and posted with a new message.
resource "servicerequest_case_message" "traces" {
  case_id = var.case_id
  content = "Recorded while the connections were reset:\n${join("\n", [
    for name in local.files : "- ${name}, SHA-256 ${servicerequest_attachment.trace[name].content_sha256}"
  ])}"

  idempotency_key = "recorded ${substr(local.digest, 0, 12)}"
  accessory_ids   = [for name in local.files : servicerequest_attachment.trace[name].id]

  lifecycle {
    create_before_destroy = true # without it, a failed replacement forgets the old message

    precondition {
      condition     = length(local.files) > 0 && length(local.files) <= 10
      error_message = "The folder ${var.traces} has ${length(local.files)} text files. A message takes 1 to 10."
    }
  }
}

output "attachments" {
  description = "The IDs of the attachments, by file."
  value       = { for name, trace in servicerequest_attachment.trace : name => trace.id }
}
