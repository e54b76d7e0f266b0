variable "case_id" {
  description = "ID of the ticket."
  type        = string
}

variable "group_id" {
  description = "IAM group ID, for a ticket of another user in the same group."
  type        = string
  default     = null
}

variable "release" {
  description = "The release that was deployed."
  type        = string
}

variable "outcome" {
  description = "How the deployment ended: success, failure or cancelled."
  type        = string
  default     = "success"

  validation {
    condition     = contains(["success", "failure", "cancelled"], var.outcome)
    error_message = "The outcome must be success, failure or cancelled."
  }
}

variable "run_id" {
  description = "ID of the pipeline's run. It must stay the same when you repeat the run."
  type        = string
}
