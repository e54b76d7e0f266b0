// Command terraform-provider-servicerequest is a Terraform provider that puts
// messages on Huawei Cloud service tickets. Terraform starts it.
package main

import (
	"flag"
	"log"
	"os"
	"slices"

	// For time_zone: Windows and small images have no time zones of their own.
	_ "time/tzdata"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/provider"
)

// version is set by the release build.
var version = "dev"

func main() {
	debug := flag.Bool("debug", false, "serve for a debugger such as delve, and print how to attach Terraform")
	flag.Parse()
	if !*debug {
		hushLibraries()
	}

	var options []tf6server.ServeOpt
	if *debug {
		options = append(options, tf6server.WithManagedDebug())
	}
	if err := tf6server.Serve("registry.terraform.io/seed-9e648b51/servicerequest", provider.New(version), options...); err != nil {
		log.Fatal(err)
	}
}

// asksForLog are the variables that make Terraform keep a provider's log.
var asksForLog = []string{
	"TF_LOG", "TF_LOG_PROVIDER", "TF_LOG_PROVIDER_SERVICEREQUEST", "TF_LOG_SDK", "TF_LOG_SDK_FRAMEWORK", "TF_LOG_SDK_PROTO",
}

// hushLibraries turns off the plugin libraries' trace when nobody asked for a
// log. They write it all the same, for Terraform to throw away: a third of the
// time of a plan with many resources. The provider's own log is not touched.
func hushLibraries() {
	if !slices.ContainsFunc(asksForLog, func(name string) bool { return os.Getenv(name) != "" }) {
		_ = os.Setenv("TF_LOG_SDK", "OFF")
	}
}
