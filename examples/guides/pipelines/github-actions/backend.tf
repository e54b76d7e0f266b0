# You can use any backend that locks the state. This one is a PostgreSQL database.
# The environment variable PG_CONN_STR has its address.
terraform {
  backend "pg" {
    schema_name = "ticket_messages"
  }
}
