# terraform query -generate-config-out=imported.tf
list "servicerequest_case_message" "ticket" {
  provider = servicerequest

  config {
    case_id = "TT201801020526"
  }
}
