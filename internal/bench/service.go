//go:build unix

package main

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
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

	latency = 50 * time.Millisecond // of HTTPS; results/README.md has it, too
)

// service is the simulator at the end of a network.
type service struct {
	*httptest.Server
	simulator             *simulator.Simulator
	requests, connections atomic.Int64
}

// startService starts the simulator with one ticket. Over HTTPS, the certificate is
// written to caFile.
func startService(sc scenario, caFile string) (*service, error) {
	s := &service{simulator: simulator.New(simulator.Options{Tokens: []string{benchToken}})}
	s.simulator.AddCase(simulator.Case{ID: benchCase})
	for i := range sc.existing {
		s.simulator.AddMessage(benchCase, simulator.Message{
			Content: fmt.Sprintf("[release 1.3.%d] Release 1.3.%d is live in eu-west-101. The connection resets go on; please look into them.", i, i),
		})
	}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		s.simulator.ServeHTTP(w, r)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connections.Add(1)
		}
	}
	if !sc.https {
		s.Start()
		return s, nil
	}
	s.Listener = slowListener{s.Listener}
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	s.StartTLS()
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	return s, os.WriteFile(caFile, certificate, 0o600)
}

// slowListener's connections answer late: the first write after a read waits for
// latency. So each exchange takes a round trip, those of a TLS handshake, too. Only
// TCP connects at once, which favours what opens more connections.
type slowListener struct{ net.Listener }

func (l slowListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &slowConn{Conn: c}, err
}

type slowConn struct {
	net.Conn
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
		<-time.After(latency) // the latency itself is what is simulated
	}
	return c.Conn.Write(b)
}
