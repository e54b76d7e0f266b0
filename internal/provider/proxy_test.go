package provider

import (
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// Requests go through the proxy of the environment, which sees only the host's
// name. Behind it HTTP/2 is used where it is offered.
func TestProxyOfTheEnvironment(t *testing.T) {
	t.Parallel()
	service := simulator.New(simulator.Options{Tokens: []string{testToken}})
	service.AddCase(simulator.Case{ID: testCase})
	var version atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		version.Store(int32(r.ProtoMajor))
		service.ServeHTTP(w, r)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	proxy := newProxy(t, server.Listener.Addr().String())

	c := newCLI(t, map[string]string{
		"ca.pem": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})),
		"main.tf": requiredProvider + fmt.Sprintf(`
provider "servicerequest" {
  endpoint     = "https://example.com"
  token        = %q
  ca_cert_file = "ca.pem"
}
`, testToken) + oneMessage,
	}, "HTTPS_PROXY=http://deployer:proxy-password-5d1c@"+proxy.address, "NO_PROXY=", "no_proxy=")

	refused := c.fail("apply", "-json", "-auto-approve")
	got := refused.diagnostics("main.tf")
	if len(got) != 1 {
		t.Fatal(refused.output())
	}
	wantAll(t, got[0].Detail, "Nothing was sent: the proxy "+proxy.address+" wants a user name and a password.", "in HTTPS_PROXY", "It is safe to apply again.", "answered CONNECT with HTTP 407")
	if strings.Contains(refused.output(), "proxy-password-5d1c") {
		t.Errorf("the proxy's password shows: %s", refused.output())
	}

	if n := len(proxy.asked()); n != 1 {
		t.Errorf("the proxy was asked %d times", n)
	}

	proxy.open.Store(true)
	c.run("apply", "-auto-approve")
	if messages := service.Messages(testCase); len(messages) != 1 || version.Load() != 2 {
		t.Errorf("%d messages over HTTP/%d", len(messages), version.Load())
	}
	if asked := slices.Compact(proxy.asked()); !slices.Equal(asked, []string{"example.com:443"}) {
		t.Errorf("the proxy was asked for %q", asked)
	}
}

// proxy tunnels all requests to one server, whatever their host, once it is open.
type proxy struct {
	address string
	open    atomic.Bool
	mu      sync.Mutex
	hosts   []string
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	p := &proxy{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.hosts = append(p.hosts, r.Host)
		p.mu.Unlock()
		if r.Method != http.MethodConnect || r.Header.Get("Proxy-Authorization") == "" || !p.open.Load() {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		up, err := net.Dial("tcp", target)
		if err != nil {
			t.Error(err)
			return
		}
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
	t.Cleanup(server.Close)
	p.address = server.Listener.Addr().String()
	return p
}

func (p *proxy) asked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.hosts)
}
