import {
  to = servicerequest_case_message.imported
  identity = {
    case_id    = "TT201801020526"
    message_id = "message-00000001"
  }
}

resource "servicerequest_case_message" "imported" {
  case_id = "TT201801020526"
  content = "We have restarted the nodes of cluster-1, as you asked."

  lifecycle {
    create_before_destroy = true # without it, a failed replacement forgets the old message
  }
}
