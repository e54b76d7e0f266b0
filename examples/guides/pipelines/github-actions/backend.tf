# Any backend with locking will do. This one is a PostgreSQL database, whose
# address is in the environment variable PG_CONN_STR.
terraform {
  backend "pg" {
    schema_name = "ticket_messages"
  }
}
