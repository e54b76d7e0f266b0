terraform {
  required_providers {
    servicerequest = {
      source = "seed-9e648b51/servicerequest"
    }
  }
}

variable "case_id" {
  description = "The ticket that is told of the maintenance."
  type        = string
  default     = "TT201801020526"
}

variable "run_id" {
  description = "The run of the pipeline. It stays the same when the run is repeated."
  type        = string
}

resource "servicerequest_case_message" "begins" {
  case_id         = var.case_id
  content         = "[maintenance ${var.run_id} begins] We restart the nodes of cluster-1 now."
  idempotency_key = "[maintenance ${var.run_id} begins]"

  lifecycle {
    create_before_destroy = true
  }
}

# Put the work here: a resource, a module, or a provisioner. The next run creates a
# new resource before it destroys the old one. Work that cannot exist twice belongs
# in a provisioner.
resource "terraform_data" "maintenance" {
  triggers_replace = [var.run_id]

  depends_on = [servicerequest_case_message.begins]

  lifecycle {
    create_before_destroy = true
  }
}

resource "servicerequest_case_message" "ends" {
  case_id         = var.case_id
  content         = "[maintenance ${var.run_id} ends] The nodes of cluster-1 have restarted."
  idempotency_key = "[maintenance ${var.run_id} ends]"

  depends_on = [terraform_data.maintenance]

  lifecycle {
    create_before_destroy = true
  }
}
