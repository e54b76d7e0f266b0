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

locals {
  text = file("${path.module}/plan.txt")

  # A message can have 10,000 characters, which the service may count differently.
  fits = length(local.text) <= 9000
}

resource "servicerequest_attachment" "plan" {
  count = local.fits ? 0 : 1

  source = "${path.module}/plan.txt"
}

resource "servicerequest_attachment" "log" {
  source = "${path.module}/deploy.log"
  name   = "deploy.log.txt"
}

resource "servicerequest_case_message" "evidence" {
  case_id = "TT201801020526"

  # A digest of what is sent: only a changed file is posted again.
  idempotency_key = "evidence ${substr(sha256("${local.text}${servicerequest_attachment.log.content_sha256}"), 0, 12)}"

  content = local.fits ? "The plan, and the log of the run:\n\n${local.text}" : join("\n", [
    "The plan and the log of the run are attached. The plan begins:",
    "",
    substr(local.text, 0, 1000),
  ])

  accessory_ids = concat(servicerequest_attachment.plan[*].id, [servicerequest_attachment.log.id])

  lifecycle {
    create_before_destroy = true # without it, a failed replacement forgets the old message
  }
}
