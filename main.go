// Command terraform-provider-servicerequest is a Terraform provider that puts
// messages on Huawei Cloud service tickets. Terraform starts it.
package main

import (
	"context"
	"flag"
	"log"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/provider"
)

// version is set by the release build.
var version = "dev"

func main() {
	debug := flag.Bool("debug", false, "serve for a debugger such as delve, and print how to attach Terraform")
	flag.Parse()

	err := providerserver.Serve(context.Background(), provider.New(version), providerserver.ServeOpts{
		Address: "registry.terraform.io/seed-9e648b51/servicerequest",
		Debug:   *debug,
	})
	if err != nil {
		log.Fatal(err)
	}
}
