package provider

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"testing"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

func TestServerCertificates(t *testing.T) {
	t.Parallel()
	service := simulator.New(simulator.Options{Tokens: []string{testToken}})
	server := httptest.NewUnstartedServer(service)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that must fail
	server.StartTLS()
	t.Cleanup(server.Close)

	files := map[string]string{
		"main.tf": requiredProvider,
		"ca.pem":  string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})),
	}
	add := func(name, argument string) {
		service.AddCase(simulator.Case{ID: name})
		files[name+".tf"] = fmt.Sprintf(`
provider "servicerequest" {
  alias    = %[1]q
  endpoint = %[2]q
  token    = %[3]q
  %[4]s
}

resource "servicerequest_case_message" %[1]q {
  provider = servicerequest.%[1]s
  case_id  = %[1]q
  content  = "hello"
}`, name, server.URL, testToken, argument)
	}
	add("untrusted", "")
	add("trusted", `ca_cert_file = "ca.pem"`)
	add("insecure", `insecure = true`)
	c := newCLI(t, files)
	got := c.fail("apply", "-json", "-auto-approve").diagnostics()
	untrusted := about(got, "untrusted.tf")
	if len(untrusted) != 1 {
		t.Fatalf("%+v", got)
	}
	wantAll(t, untrusted[0].Detail, "Nothing was sent: the server's certificate is not trusted.", "set the provider's ca_cert_file to that authority's certificate.", "It is safe to apply again.")
	if insecure := about(got, "insecure.tf"); len(insecure) == 0 || insecure[0].Severity != "warning" {
		t.Errorf("insecure: %+v", insecure)
	}
	for name, want := range map[string]int{"untrusted": 0, "trusted": 1, "insecure": 1} {
		if messages := service.Messages(name); len(messages) != want {
			t.Errorf("%s: %d messages, want %d", name, len(messages), want)
		}
	}

	delete(files, "untrusted.tf")
	delete(files, "insecure.tf")
	add("missing", `ca_cert_file = "no-such.pem"`)
	add("no_pem", `ca_cert_file = "main.tf"`)
	add("empty", `ca_cert_file = "empty.pem"`)
	files["empty.pem"] = ""
	got = newCLI(t, files).fail("plan", "-json").diagnostics()
	for name, want := range map[string]string{
		"missing": "The value of ca_cert_file names a file that cannot be used: open no-such.pem: ", "no_pem": "The value of ca_cert_file names a file that cannot be used: it contains no PEM certificate.",
		"empty": "The value of ca_cert_file names a file that cannot be used: it contains no PEM certificate.",
	} {
		mine := about(got, name+".tf")
		if len(mine) != 1 {
			t.Fatalf("%s: %+v", name, mine)
		}
		wantAll(t, mine[0].Detail, want)
	}
}
