# Run with terraform test. It needs no credentials and no service.
mock_provider "servicerequest" {
  mock_resource "servicerequest_case_message" {
    defaults = {
      confirmed_by = "response"
    }
  }
}

variables {
  case_id = "TT201801020526"
  release = "1.4.0"
  run_id  = "4711"
}

run "success" {
  assert {
    condition     = servicerequest_case_message.this.content == "Release 1.4.0 is live."
    error_message = "The text is ${servicerequest_case_message.this.content}"
  }

  assert {
    condition     = output.idempotency_key == "annotate 4711 success" && output.confirmed_by == "response"
    error_message = "The outputs are wrong."
  }
}

run "failure_has_a_key_of_its_own" {
  command = plan

  variables {
    outcome = "failure"
  }

  assert {
    condition     = servicerequest_case_message.this.content == "The deployment of release 1.4.0 failed."
    error_message = "The text is ${servicerequest_case_message.this.content}"
  }

  assert {
    condition     = output.idempotency_key == "annotate 4711 failure"
    error_message = "The key is ${output.idempotency_key}"
  }
}

run "group" {
  command = plan

  variables {
    group_id = "g-1"
  }

  assert {
    condition     = servicerequest_case_message.this.group_id == "g-1"
    error_message = "The group is missing."
  }
}

run "unknown_outcome" {
  command = plan

  variables {
    outcome = "maybe"
  }

  expect_failures = [var.outcome]
}
