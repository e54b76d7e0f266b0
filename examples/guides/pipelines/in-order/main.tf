terraform {
  required_providers {
    servicerequest = {
      source = "seed-9e648b51/servicerequest"
    }
  }
}

variable "case_id" {
  description = "ID of the ticket."
  type        = string
  default     = "TT201801020526"
}

variable "run_id" {
  description = "ID of the pipeline's run. It must stay the same when you repeat the run."
  type        = string
}

resource "servicerequest_case_message" "begins" {
  case_id         = var.case_id
  content         = "We restart the nodes of cluster-1 now."
  idempotency_key = "maintenance ${var.run_id} begins"

  lifecycle {
    create_before_destroy = true
  }
}

# Put the work here: a resource, a module, or a provisioner. The next run creates the
# new resource before it destroys the old one. If the work cannot exist twice, use a
# provisioner.
resource "terraform_data" "maintenance" {
  triggers_replace = [var.run_id]

  depends_on = [servicerequest_case_message.begins]

  lifecycle {
    create_before_destroy = true
  }
}

resource "servicerequest_case_message" "ends" {
  case_id         = var.case_id
  content         = "The nodes of cluster-1 have restarted."
  idempotency_key = "maintenance ${var.run_id} ends"

  depends_on = [terraform_data.maintenance]

  lifecycle {
    create_before_destroy = true
  }
}
