# Values for the attributes that the provider computes. To use this file, copy it and
# set its folder as the source of a mock_provider.

mock_resource "servicerequest_case_message" {
  defaults = {
    id           = "TT201801020526/3f1c6c1e-8c3d-4a55-9d0f-0a7d3b6b2c11"
    submitted_at = "2026-01-10T22:00:07Z"
    confirmed_by = "response"
  }
}

mock_resource "servicerequest_attachment" {
  defaults = {
    id             = "accessory-00000001"
    name           = "events.txt"
    size           = 12
    content_sha256 = "b07d4053b8af24878b029f1a3ed2ff397dc195fd4644205e4524b5726c49cf7b"
  }
}

mock_data "servicerequest_case" {
  defaults = {
    status          = 1
    status_name     = "processing"
    is_open         = true
    description     = "Connection resets since the last maintenance"
    business_type   = "Elastic Load Balance"
    incident_type   = "Technical support"
    severity        = "Major"
    source          = "Console"
    region          = "eu-west-101"
    customer_id     = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
    user_id         = "1f2e3d4c5b6a79880716253443526170"
    user_name       = "operations"
    judgement       = null
    created_at      = "2026-01-10T02:20:00Z"
    created_at_raw  = "2026-01-10T03:20:00+01:00"
    resolved_at     = null
    resolved_at_raw = null
  }
}

# Each message in a list has these values.
mock_data "servicerequest_case_messages" {
  defaults = {
    messages = {
      message_id     = "message-00000001"
      author_type    = "engineer"
      author_id      = "2b3c4d5e6f708192a3b4c5d6e7f80910"
      author_name    = "Huawei Cloud"
      content        = "We are looking into it."
      created_at     = "2026-01-10T03:00:00Z"
      created_at_raw = "2026-01-10T04:00:00+01:00"
    }
  }
}

mock_data "servicerequest_cases" {
  defaults = {
    cases = {
      case_id     = "TT201801020526"
      status      = 1
      status_name = "processing"
      is_open     = true
      description = "Connection resets since the last maintenance"
    }
  }
}
