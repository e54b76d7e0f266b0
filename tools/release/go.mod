module github.com/seed-9e648b51/terraform-provider-servicerequest/tools/release

go 1.25.8
