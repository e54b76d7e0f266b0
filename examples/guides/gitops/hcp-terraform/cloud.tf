terraform {
  cloud {
    organization = "example"

    workspaces {
      name = "ticket-messages"
    }
  }
}
