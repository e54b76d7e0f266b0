terraform {
  required_version = ">= 1.4"

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

variable "run_id" {
  description = "ID of this run. It must stay the same when you repeat the run."
  type        = string
}

# 1. Stop if the ticket is not open.
data "servicerequest_case" "before" {
  case_id = var.case_id

  lifecycle {
    postcondition {
      condition     = self.is_open
      error_message = "The ticket is ${self.status_name}. Nothing was sent."
    }
  }
}

# 2. Attach the log, and say what happens next.
resource "servicerequest_attachment" "log" {
  source = "${path.module}/logs/node-1.txt"
}

resource "servicerequest_case_message" "begins" {
  case_id         = data.servicerequest_case.before.case_id
  content         = "We restart node-1 now. Its log is attached."
  idempotency_key = "runbook ${var.run_id} begins"
  accessory_ids   = [servicerequest_attachment.log.id]

  lifecycle {
    create_before_destroy = true # without it, a failed replacement forgets the old message
  }
}

# 3. Do the work: a resource that may exist twice for a moment, or a provisioner.
resource "terraform_data" "restart" {
  triggers_replace = [var.run_id]

  depends_on = [servicerequest_case_message.begins]

  lifecycle {
    create_before_destroy = true
  }
}

# 4. Stop if the ticket was closed in the meantime.
data "servicerequest_case" "after" {
  case_id = var.case_id

  depends_on = [terraform_data.restart]

  lifecycle {
    postcondition {
      condition     = self.is_open
      error_message = "The ticket is ${self.status_name} now. The last message was not sent."
    }
  }
}

# 5. Say how it ended. A case_id from the data source would be unknown during the plan.
resource "servicerequest_case_message" "ends" {
  case_id         = var.case_id
  content         = "node-1 has restarted. Please check the connection resets."
  idempotency_key = "runbook ${var.run_id} ends"

  depends_on = [data.servicerequest_case.after]

  lifecycle {
    create_before_destroy = true # without it, a failed replacement forgets the old message
  }
}
