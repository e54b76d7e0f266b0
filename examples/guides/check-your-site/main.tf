terraform {
  required_version = ">= 1.7"

  required_providers {
    servicerequest = {
      source  = "seed-9e648b51/servicerequest"
      version = "~> 0.1"
    }
  }
}

variable "case_id" {
  description = "ID of a ticket of your own that may get a message."
  type        = string
}

variable "run" {
  description = "Number of the check. A new number posts a message. The same number finds it again."
  type        = number
}

locals {
  key = "site check ${var.run}"

  # Services change some of this: markup, references, quotes, symbols, full-width
  # characters, line breaks, what comes after 400 characters, and a space at the end.
  content = join("\n", [
    "Please ignore this message. It checks how tickets show a text.",
    "<b>bold</b> & \"double\" 'single' 1 < 2 😀 ＡＢＣ，１２３。",
    join(" ", range(100)),
    "The end. ",
  ])
}

resource "servicerequest_case_message" "check" {
  case_id         = var.case_id
  content         = local.content
  idempotency_key = local.key

  lifecycle {
    create_before_destroy = true # without it, a failed replacement forgets the old message
  }
}

data "servicerequest_case_messages" "after" {
  case_id = var.case_id

  depends_on = [servicerequest_case_message.check]
}

# A check turns the error into a warning, which shows the service's answer.
check "unknown_ticket" {
  data "servicerequest_case" "unknown" {
    case_id = "TT000000000000"

    depends_on = [servicerequest_case_message.check]
  }

  assert {
    condition     = data.servicerequest_case.unknown.case_id == null
    error_message = "The service has a ticket TT000000000000."
  }
}

locals {
  sent     = "[${local.key}] ${local.content}"
  copies   = [for m in data.servicerequest_case_messages.after.messages : m if can(regex("\\b${local.key}\\b", m.content))]
  customer = [for m in data.servicerequest_case_messages.after.messages : m if m.author_type == "customer"]

  # The copy, or else the customer's newest message: the service may have changed the key.
  shown = try(local.copies[0], reverse(local.customer)[0], {
    content = "", created_at = null, created_at_raw = null, author_type = "nobody", message_id = null
  })

  # The data source lists the oldest first. These say where each was in the service's list.
  positions = jsonencode([for m in data.servicerequest_case_messages.after.messages : m.position])
  ascending = range(1, 1 + length(data.servicerequest_case_messages.after.messages))
  order = (
    length(local.ascending) < 2 ? "unknown, the ticket has no other message" :
    local.positions == jsonencode(local.ascending) ? "oldest first" :
    local.positions == jsonencode(reverse(local.ascending)) ? "newest first" : "mixed"
  )

  # Undo, one after the other, what services do to a text. What is left tells the rest.
  text       = local.shown.content
  unwrapped  = replace(local.text, "/</?(p|br|div|span|pre)\\b[^<>]*>/", "")
  unescaped  = replace(replace(replace(replace(replace(local.unwrapped, "&lt;", "<"), "&gt;", ">"), "/&(quot|#34);/", "\""), "/&(apos|#39);/", "'"), "&amp;", "&")
  dense      = replace(local.unescaped, "/\\s|\\.\\.\\.$|…$/", "")
  dense_sent = replace(local.sent, "/\\s/", "")
  changes = coalescelist(compact([
    local.text == local.sent ? "same" : "",
    local.unwrapped != local.text ? "wrapped" : "",
    local.unescaped != local.unwrapped ? "escaped" : "",
    local.dense == local.dense_sent ? "" :
    local.dense == replace(local.dense_sent, "/</?b>/", "") ? "stripped of markup" :
    local.dense != "" && startswith(local.dense_sent, local.dense) ? "cut to ${length(local.text)} characters" : "changed",
  ]), ["other white space"])

  # jsonencode escapes <, > and &, which would hide what the service escapes.
  quoted = [for text in [local.sent, local.text] :
    replace(replace(replace(jsonencode(text), "\\u003c", "<"), "\\u003e", ">"), "\\u0026", "&")
  ]
}

output "report" {
  description = "What this site does."
  value = join("\n", concat(
    [
      "posted:     ${coalesce(servicerequest_case_message.check.submitted_at, "unknown")}, confirmed by ${servicerequest_case_message.check.confirmed_by}",
      "copies:     ${length(local.copies)} listed at ${timestamp()}",
      "order:      ${local.order}",
      "time:       ${jsonencode(local.shown.created_at_raw)}, ${local.shown.created_at == null ? "cannot be read" : "read as ${local.shown.created_at}"}",
      "author:     ${local.shown.author_type}",
      "message ID: ${local.shown.message_id == null ? "unknown" : "known"}",
      "text:       ${join(", ", local.changes)}",
    ],
    local.text == local.sent ? [] : [
      "  sent:     ${local.quoted[0]}",
      "  shown:    ${local.quoted[1]}",
    ],
  ))
}
