# terraform query -generate-config-out=imported.tf
list "servicerequest_case_message" "ticket" {
  provider = servicerequest
  limit    = 1000 # the default is 100

  config {
    case_id = "TT201801020526"
  }
}
