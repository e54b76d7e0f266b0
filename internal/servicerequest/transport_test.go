package servicerequest

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

var quiet = log.New(io.Discard, "", 0)

// tlsServer remembers the protocol of a submit that reaches it; "" is none.
func tlsServer(t *testing.T, change func(*httptest.Server)) (server *httptest.Server, protocol func() string) {
	t.Helper()
	var seen atomic.Value
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen.Store(r.Proto) }))
	server.Config.ErrorLog = quiet
	change(server)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, func() string {
		proto, _ := seen.Load().(string)
		return proto
	}
}

// trusting is a pool with the server's certificate alone.
func trusting(server *httptest.Server) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return pool
}

func TestTLS(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		server func(*httptest.Server)
		client func(*Config, *httptest.Server)
		want   Outcome
		proto  string
	}{
		"its certificate": {func(*httptest.Server) {}, func(c *Config, s *httptest.Server) { c.RootCAs = trusting(s) }, Submitted, "HTTP/1.1"},
		"HTTP/2":          {func(s *httptest.Server) { s.EnableHTTP2 = true }, func(c *Config, _ *httptest.Server) { c.Insecure = true }, Submitted, "HTTP/2.0"},
		"TLS 1.2": {func(s *httptest.Server) { s.TLS = &tls.Config{MaxVersion: tls.VersionTLS12} },
			func(c *Config, _ *httptest.Server) { c.Insecure = true }, Submitted, "HTTP/1.1"},
		"TLS 1.1": {func(s *httptest.Server) {
			s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
		},
			func(c *Config, _ *httptest.Server) { c.Insecure = true }, NotExecuted, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, protocol := tlsServer(t, tc.server)
			post(t, newClient(t, server.URL, func(c *Config) { tc.client(c, server) }), hello(), tc.want)
			if got := protocol(); got != tc.proto {
				t.Errorf("%q, want %q", got, tc.proto)
			}
		})
	}
}

// There are about as many connections as messages at a time, however many follow.
func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()
	const parallel = 50
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	c := newClient(t, server.URL)
	each(parallel, func(i int) {
		for n := range 20 {
			post(t, c, Post{CaseID: testCase, Content: fmt.Sprint(i, " ", n)}, Submitted)
		}
	})
	// A connection may become free during a dial. Then both are kept.
	if n := connections.Load(); n > 3*parallel {
		t.Errorf("%d connections for %d at once", n, parallel)
	}
}

func TestCookiesAreNotKept(t *testing.T) {
	t.Parallel()
	var cookies atomic.Int32
	c, _ := handler(t, func(w http.ResponseWriter, r *http.Request) {
		cookies.Add(int32(len(r.Cookies())))
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1"})
	})
	for range 2 {
		post(t, c, hello(), Submitted)
	}
	if cookies.Load() != 0 {
		t.Error("a cookie was sent back")
	}
}

func TestRedirectsAreRefused(t *testing.T) {
	t.Parallel()
	var reached atomic.Int32
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer target.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for location, named := range map[string]string{target.URL + "/steal?" + testToken: target.URL, "http://[::1:x/": "", "": ""} {
			posts := 0
			c, _ := handler(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					posts++
				}
				w.Header().Set("Location", location)
				w.WriteHeader(status)
			})
			a := post(t, c, hello(), UnknownRefused)
			_, err := c.List(t.Context(), testCase, "")
			var api *APIError
			if !errors.As(a.Err, &api) || api.Status != status || api.Location != named || posts != 1 || !PreventsPost(err) {
				t.Errorf("%d to %q: %v after %d posts; %v", status, location, a.Err, posts, err)
			}
		}
	}
	if reached.Load() != 0 {
		t.Errorf("%d requests reached the target", reached.Load())
	}
}

// An endless body costs no more memory than the limit.
func TestHugeBodyCostsLittle(t *testing.T) { // not parallel: it counts the process's allocations
	s := newService(t, simulator.Options{Faults: []simulator.Fault{{Kind: "huge", Stored: true}}})
	c := s.client(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	post(t, c, hello(), Unknown)
	runtime.ReadMemStats(&after)
	// Growing a buffer to 1 MiB costs about five; the simulator has one, too.
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 20<<20 {
		t.Errorf("%d MiB allocated", grown>>20)
	}
}

// Go's transport repeats a POST after some HTTP/2 stream errors. The server may have
// processed the request, so this must not happen here.
func TestTransportDoesNotRepeatAPost(t *testing.T) {
	t.Parallel()
	server, _ := tlsServer(t, func(*httptest.Server) {}) // for its certificate
	config := server.TLS.Clone()
	config.NextProtos = []string{"h2"}
	l := must(tls.Listen("tcp", "127.0.0.1:0", config))
	defer func() { _ = l.Close() }()
	var posts atomic.Int32
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = resetStreams(conn, &posts) }()
		}
	}()
	c := newClient(t, "https://"+l.Addr().String(), func(c *Config) { c.Insecure, c.RequestTimeout = true, 3*time.Second })
	a := post(t, c, hello(), Unknown)
	if posts.Load() != 1 {
		t.Errorf("%d posts: %v", posts.Load(), a.Err)
	}
}

// resetStreams speaks just enough HTTP/2 to answer each request with a protocol error.
func resetStreams(conn net.Conn, posts *atomic.Int32) error {
	defer func() { _ = conn.Close() }()
	const data, reset, settings = 0, 3, 4
	const endStream, ack = 1, 1
	write := func(kind, flags byte, stream uint32, payload ...byte) error {
		frame := []byte{0, 0, byte(len(payload)), kind, flags}
		_, err := conn.Write(append(binary.BigEndian.AppendUint32(frame, stream), payload...))
		return err
	}
	if _, err := io.CopyN(io.Discard, conn, int64(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
		return err
	}
	if err := write(settings, 0, 0); err != nil {
		return err
	}
	for {
		head := make([]byte, 9)
		if _, err := io.ReadFull(conn, head); err != nil {
			return err
		}
		length := int64(head[0])<<16 | int64(head[1])<<8 | int64(head[2])
		kind, flags, stream := head[3], head[4], binary.BigEndian.Uint32(head[5:])
		if _, err := io.CopyN(io.Discard, conn, length); err != nil {
			return err
		}
		var err error
		switch {
		case kind == settings && flags&ack == 0:
			err = write(settings, ack, 0)
		case kind == data && flags&endStream != 0:
			posts.Add(1)
			err = write(reset, 0, stream, 0, 0, 0, 1)
		}
		if err != nil {
			return err
		}
	}
}

func TestParseEndpoint(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://osm.example.com":          "https://osm.example.com",
		"https://osm.example.com/":         "https://osm.example.com",
		"https://osm.example.com/a%2Fb//":  "https://osm.example.com/a%2Fb",
		"http://127.0.0.1:8080":            "http://127.0.0.1:8080",
		"http://[::1]:8080":                "http://[::1]:8080",
		"http://LocalHost":                 "http://LocalHost",
		"http://osm.example.com":           "",
		"http://127.0.0.1.example.com":     "",
		"osm.example.com":                  "",
		"//osm.example.com":                "",
		"https://":                         "",
		"https://u:p@osm.example.com":      "",
		"https://osm.example.com?a=b":      "",
		"https://osm.example.com?":         "",
		"https://osm.example.com#":         "",
		"ftp://osm.example.com":            "",
		"https://user:secret@%zz/":         "",
		"https://osm.example.com:notaport": "",
	} {
		u, err := ParseEndpoint(in)
		switch {
		case (err == nil) != (want != ""), err == nil && u.String() != want:
			t.Errorf("%s: %v %v", in, u, err)
		case err != nil && strings.Contains(err.Error(), "secret"):
			t.Errorf("%s: %v tells the password", in, err)
		}
	}
}

// A ticket ID is one path segment, whatever its characters and the path of the endpoint.
func TestPathIsEscapedOnce(t *testing.T) {
	t.Parallel()
	var path string
	c, server := handler(t, func(_ http.ResponseWriter, r *http.Request) { path = r.RequestURI })
	c.config.Endpoint = must(ParseEndpoint(server.URL + "/a%2Fb/"))
	post(t, c, Post{CaseID: "x/../y?z=1 %", Content: "x"}, Submitted)
	if want := "/a%2Fb/v2/servicerequest/cases/x%2F..%2Fy%3Fz%3D1%20%25/message"; path != want {
		t.Errorf("%s, want %s", path, want)
	}
}
