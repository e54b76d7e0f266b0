import {
  to = servicerequest_case_message.imported
  id = "TT201801020526/message-00000001" # or CASE_ID/MESSAGE_ID/GROUP_ID
}

resource "servicerequest_case_message" "imported" {
  case_id = "TT201801020526"
  content = "We have restarted the nodes of cluster-1, as you asked."

  lifecycle {
    create_before_destroy = true # without it, a failed replacement forgets the old message
  }
}
