// Command terraform-provider-servicerequest is a Terraform provider that posts
// messages on Huawei Cloud service tickets. Terraform starts it.
package main

import (
	"flag"
	"log"
	"os"
	"runtime/debug"
	"slices"

	// For time_zone: Windows and small images have no time zones of their own.
	_ "time/tzdata"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/provider"
)

// version is set by the release build.
var version = "dev"

func main() {
	debugger := flag.Bool("debug", false, "serve for a debugger such as delve, and print how to attach Terraform")
	flag.Parse()
	collectGarbageLater()
	var options []tf6server.ServeOpt
	if *debugger {
		options = append(options, tf6server.WithManagedDebug())
	} else {
		silencePluginLogs()
	}
	if err := tf6server.Serve("registry.terraform.io/seed-9e648b51/servicerequest", provider.New(version), options...); err != nil {
		log.Fatal(err)
	}
}

// collectGarbageLater lets the heap grow to five times what is in use, not twice.
// Terraform runs a provider for seconds. With Go's default, an apply takes a third
// more of the provider's CPU time. The price is memory: 15 MB for an apply of 100
// messages, and 90 MB for 1,000.
func collectGarbageLater() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

// logVariables make Terraform keep a provider's log.
var logVariables = []string{
	"TF_LOG", "TF_LOG_PROVIDER", "TF_LOG_PROVIDER_SERVICEREQUEST", "TF_LOG_SDK", "TF_LOG_SDK_FRAMEWORK", "TF_LOG_SDK_PROTO",
}

// silencePluginLogs turns off the traces of the plugin libraries if nobody asked
// for a log. Otherwise the libraries write traces that Terraform discards, which
// takes a third of the time of a plan with many resources. The provider's own log
// stays as it is.
func silencePluginLogs() {
	if !slices.ContainsFunc(logVariables, func(name string) bool { return os.Getenv(name) != "" }) {
		_ = os.Setenv("TF_LOG_SDK", "OFF")
	}
}
