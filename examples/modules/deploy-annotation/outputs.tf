output "idempotency_key" {
  description = "The key that the message begins with."
  value       = local.key
}

output "confirmed_by" {
  description = "How the message was confirmed: response, check or existing."
  value       = servicerequest_case_message.this.confirmed_by
}
