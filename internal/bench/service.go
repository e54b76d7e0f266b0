//go:build unix

package main

import (
	"crypto/tls"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

const (
	benchToken = "bench-token"
	benchCase  = "TT201801020526"
)

// network is how the service is reached.
type network struct {
	Name    string
	Title   string
	TLS     bool
	latency time.Duration
}

var networks = []network{
	{Name: "plain", Title: "Loopback, plain HTTP"},
	{Name: "slow", Title: "HTTPS with a latency of 50 ms", TLS: true, latency: 50 * time.Millisecond},
}

// traffic is what a service has seen.
type traffic struct {
	Requests    int64 `json:"requests"`
	Connections int64 `json:"connections"`
	Handshakes  int64 `json:"handshakes"` // of TLS
}

// service is the simulator at the end of a network.
type service struct {
	*httptest.Server
	simulator                         *simulator.Simulator
	requests, connections, handshakes atomic.Int64
}

// startService starts the simulator with one ticket. If net has TLS, the
// certificate is written to caFile.
func startService(n network, caFile string) (*service, error) {
	s := &service{simulator: simulator.New(simulator.Options{Tokens: []string{benchToken}})}
	s.simulator.AddCase(simulator.Case{ID: benchCase})
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		s.simulator.ServeHTTP(w, r)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connections.Add(1)
		}
	}
	s.Listener = slowListener{s.Listener, n.latency}
	if !n.TLS {
		s.Start()
		return s, nil
	}
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS12, VerifyConnection: func(tls.ConnectionState) error {
		s.handshakes.Add(1)
		return nil
	}}
	s.StartTLS()
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	return s, os.WriteFile(caFile, certificate, 0o600)
}

func (s *service) traffic() traffic {
	return traffic{s.requests.Load(), s.connections.Load(), s.handshakes.Load()}
}

// slowListener's connections answer late: the first write after a read waits for
// latency. So each exchange takes a round trip, those of a TLS handshake, too. Only
// TCP connects at once, which favours what opens more connections.
type slowListener struct {
	net.Listener
	latency time.Duration
}

func (l slowListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil || l.latency == 0 {
		return c, err
	}
	return &slowConn{Conn: c, latency: l.latency}, nil
}

type slowConn struct {
	net.Conn
	latency  time.Duration
	answered atomic.Bool
}

func (c *slowConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.answered.Store(false)
	}
	return n, err
}

func (c *slowConn) Write(b []byte) (int, error) {
	if !c.answered.Swap(true) {
		<-time.After(c.latency) // the latency itself is what is simulated
	}
	return c.Conn.Write(b)
}
