# Run after terraform apply, with the same variables. A test has no state, so the key
# has to find the message.
run "the_key_finds_the_message" {
  # The provider reads the ticket's messages for the key. Nothing else is tested here.
  override_data {
    target = data.servicerequest_case_messages.after
  }

  expect_failures = [check.unknown_ticket]

  assert {
    condition     = servicerequest_case_message.check.confirmed_by == "existing"
    error_message = "The key did not find the message. The ticket now has a second copy."
  }
}
