package simulator

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// Server is a Simulator behind a listener.
type Server struct {
	*Simulator
	url  string
	http *http.Server
}

// Start serves a new Simulator at addr, a host and port; "" is a free port of
// 127.0.0.1. The host must be a loopback address, so that no other machine can send
// messages.
func Start(addr string, opts Options) (*Server, error) {
	addr = cmp.Or(addr, "127.0.0.1:0")
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", addr, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("address %q is not a loopback address", addr)
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &Server{Simulator: New(opts), url: "http://" + listener.Addr().String()}
	s.http = &http.Server{
		Handler:           s.Simulator,
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	go func() { _ = s.http.Serve(listener) }() // ends by Close
	return s, nil
}

// URL is where the server is, without a trailing slash.
func (s *Server) URL() string { return s.url }

// Close stops at once. Requests under way are cut, and those that hang end.
func (s *Server) Close() error { return s.http.Close() }
