terraform {
  required_version = ">= 1.0"

  required_providers {
    servicerequest = {
      source  = "seed-9e648b51/servicerequest"
      version = "~> 0.1"
    }
  }
}

# The environment has the endpoint and the credentials.
provider "servicerequest" {}

resource "servicerequest_attachment" "events" {
  source = "${path.module}/events.txt"
}

resource "servicerequest_attachment" "settings" {
  name    = "settings.txt"
  content = "max_connections=200\nkeepalive_seconds=60\n"
}

resource "servicerequest_case_message" "evidence" {
  case_id = "TT201801020526"
  content = "The events of the night and our settings are attached."

  # The digest makes another message of changed files.
  idempotency_key = "night ${substr(sha256("${servicerequest_attachment.events.content_sha256}${servicerequest_attachment.settings.content_sha256}"), 0, 12)}"

  accessory_ids = [
    servicerequest_attachment.events.id,
    servicerequest_attachment.settings.id,
  ]

  lifecycle {
    create_before_destroy = true # without it, a failed replacement forgets the old message
  }
}
