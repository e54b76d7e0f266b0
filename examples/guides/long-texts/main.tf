terraform {
  required_providers {
    servicerequest = {
      source = "seed-9e648b51/servicerequest"
    }
  }
}

variable "case_id" {
  description = "The ticket that asks for evidence."
  type        = string
  default     = "TT201801020526"
}

variable "report" {
  description = "A text of any length, such as the output of terraform show."
  type        = string
  default     = "plan.txt"
}

variable "log" {
  description = "A log of up to 2 MB."
  type        = string
  default     = "deploy.log"
}

locals {
  text = file("${path.module}/${var.report}")

  # A message has at most 10,000 characters. Terraform counts some of them, such as
  # flags, as one where the service counts two: leave some room.
  fits = length(local.text) <= 9000
}

resource "servicerequest_attachment" "report" {
  count = local.fits ? 0 : 1

  source = "${path.module}/${var.report}"
}

# The service accepts .txt, but no .log.
resource "servicerequest_attachment" "log" {
  source = "${path.module}/${var.log}"
  name   = "${basename(var.log)}.txt"
}

locals {
  # The key is made of what is sent. So a changed file is posted, and the same
  # files are never posted again.
  key = "[evidence ${substr(sha256("${local.text}${servicerequest_attachment.log.content_sha256}"), 0, 12)}]"
}

resource "servicerequest_case_message" "evidence" {
  case_id         = var.case_id
  idempotency_key = local.key

  content = local.fits ? "${local.key} The plan, and the log of the run:\n\n${local.text}" : join("\n", [
    "${local.key} The plan and the log of the run are attached. The plan begins:",
    "",
    substr(local.text, 0, 1000),
  ])

  # At most 10 for a message.
  accessory_ids = concat(servicerequest_attachment.report[*].id, [servicerequest_attachment.log.id])

  lifecycle {
    create_before_destroy = true
  }
}
