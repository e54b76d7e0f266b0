# Run with tofu test. OpenTofu reads this file instead of message.tftest.hcl. It has
# no mock data files, so this file has the values.
mock_provider "servicerequest" {
  mock_resource "servicerequest_case_message" {
    defaults = {
      id           = "TT201801020526/3f1c6c1e-8c3d-4a55-9d0f-0a7d3b6b2c11"
      submitted_at = "2026-01-10T22:00:07Z"
      confirmed_by = "response"
    }
  }

  mock_data "servicerequest_case" {
    defaults = {
      is_open     = true
      status      = 1
      status_name = "processing"
    }
  }
}

run "an_open_ticket_gets_the_message" {
  assert {
    condition     = servicerequest_case_message.deployed[0].content == "Release 1.4.0 is live in production."
    error_message = "The message has another text."
  }

  assert {
    condition     = output.submitted_at == "2026-01-10T22:00:07Z"
    error_message = "The output is not the message's time."
  }
}

run "a_closed_ticket_gets_none" {
  override_data {
    target = data.servicerequest_case.outage
    values = {
      is_open     = false
      status      = 3
      status_name = "completed"
    }
  }

  assert {
    condition     = length(servicerequest_case_message.deployed) == 0
    error_message = "A closed ticket gets a message."
  }
}
