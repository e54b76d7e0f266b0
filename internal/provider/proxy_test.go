package provider

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// Requests go through the proxy of the environment, which sees only the host's name.
func TestProxyOfTheEnvironment(t *testing.T) {
	t.Parallel()
	service := simulator.New(simulator.Options{Tokens: []string{testToken}})
	service.AddCase(simulator.Case{ID: testCase})
	server := httptest.NewTLSServer(service)
	t.Cleanup(server.Close)
	var asked atomic.Int32
	var open atomic.Bool
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Method != http.MethodConnect || r.Host != "example.com:443" {
			t.Errorf("the proxy sees %s %s", r.Method, r.Host)
		}
		if r.Header.Get("Proxy-Authorization") == "" || !open.Load() {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		up := must(net.Dial("tcp", server.Listener.Addr().String()))
		down, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(down, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() { _, _ = io.Copy(up, down); _ = up.Close() }()
		_, _ = io.Copy(down, up)
		_ = down.Close()
	}))
	t.Cleanup(proxy.Close)
	address := proxy.Listener.Addr().String()

	c := newCLI(t, map[string]string{
		"ca.pem": pemOf(server),
		"main.tf": requiredProvider + fmt.Sprintf(`
provider "servicerequest" {
  endpoint     = "https://example.com"
  token        = %q
  ca_cert_file = "ca.pem"
}
`, testToken) + oneMessage,
	}, "HTTPS_PROXY=http://deployer:proxy-password-5d1c@"+address, "NO_PROXY=", "no_proxy=")

	refused := c.fail("apply", "-json", "-auto-approve")
	got := refused.diagnostics("main.tf")
	if len(got) != 1 {
		t.Fatal(refused.output())
	}
	wantAll(t, got[0].Detail, "Nothing was sent: the proxy "+address+" wants a user name and a password.", "in HTTPS_PROXY", "It is safe to apply again.", "answered CONNECT with HTTP 407")
	if strings.Contains(refused.output(), "proxy-password-5d1c") {
		t.Errorf("the proxy's password shows: %s", refused.output())
	}
	wantValue(t, "how often the proxy was asked", asked.Load(), int32(1))

	open.Store(true)
	c.run("apply", "-auto-approve")
	wantValue(t, "the number of messages", len(service.Messages(testCase)), 1)
}
