terraform {
  required_version = ">= 1.0"

  required_providers {
    servicerequest = {
      source  = "seed-9e648b51/servicerequest"
      version = "~> 0.1"
    }
  }
}

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

  accessory_ids = [
    servicerequest_attachment.events.id,
    servicerequest_attachment.settings.id,
  ]

  lifecycle {
    create_before_destroy = true
  }
}
