output "idempotency_key" {
  description = "The key, which the ticket shows in square brackets."
  value       = servicerequest_case_message.this.idempotency_key
}

output "confirmed_by" {
  description = "How the message was confirmed: response, check or existing."
  value       = servicerequest_case_message.this.confirmed_by
}
