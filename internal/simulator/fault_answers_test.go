package simulator

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// dial sends a submit over a connection of its own, and reads the head of the
// answer.
func dial(t *testing.T, s *Server) (conn net.Conn, rest *bufio.Reader, head string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nX-Auth-Token: t\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", submitPath, len(post), post)
	if err != nil {
		t.Fatal(err)
	}
	rest = bufio.NewReader(conn)
	for !strings.HasSuffix(head, "\r\n\r\n") {
		line, err := rest.ReadString('\n')
		if err != nil {
			t.Fatalf("%v after %q", err, head)
		}
		head += line
	}
	return conn, rest, head
}

// server is a started service with a ticket. Each request that has ended comes
// out of the channel.
func server(t *testing.T, fault string) (*Server, <-chan Request) {
	t.Helper()
	ended := make(chan Request, 10)
	s, err := Start("", Options{Tokens: []string{"t"}, Clock: func() time.Time { return epoch },
		Faults: faults(t, fault), Observe: func(r Request) { ended <- r }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.AddCase(Case{ID: "case-123"})
	return s, ended
}

func TestOnTheConnection(t *testing.T) {
	const id = "X-Request-Id: 00000000000000000000000000000001\r\n"
	const date = "Date: Fri, 02 Jan 2026 03:04:05 GMT\r\n"
	unbounded := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + date + id + "Connection: close\r\n\r\n"
	for kind, want := range map[string]string{
		"unbounded":             unbounded,
		"unbounded?stored=true": unbounded,
		"101":                   "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n" + date + "Upgrade: silence\r\n" + id + "\r\n",
	} {
		s, ended := server(t, kind)
		conn, rest, head := dial(t, s)
		if head != want {
			t.Errorf("%s: got %q, want %q", kind, head, want)
		}
		status := 200
		if kind == "101" {
			status = 101
			if err := conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			if b, err := rest.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("101 is not silent: %q, %v", b, err)
			}
			if err := conn.Close(); err != nil { // the client leaves
				t.Error(err)
			}
		} else if b, err := rest.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("%s goes on: %q, %v", kind, b, err)
		}
		if r := <-ended; r.Status != status || r.Committed != strings.HasSuffix(kind, "?stored=true") || !strings.HasPrefix(kind, r.Fault) {
			t.Errorf("%s: recorded %+v", kind, r)
		}
		if n := len(s.Messages("case-123")); (n == 1) != strings.HasSuffix(kind, "?stored=true") {
			t.Errorf("%s: %d messages", kind, n)
		}
	}
}

// The server's end ends the silence of 101.
func TestSwitchEnds(t *testing.T) {
	for name, end := range map[string]func(*Server) error{
		"Close":    (*Server).Close,
		"Shutdown": func(s *Server) error { return s.Shutdown(context.Background()) },
	} {
		s, ended := server(t, "101")
		_, rest, _ := dial(t, s)
		if err := end(s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if b, err := rest.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: %q, %v", name, b, err)
		}
		<-ended
	}
}

// What Go's client makes of it.
func TestUnboundedLength(t *testing.T) {
	s, _ := server(t, "unbounded")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+submitPath, strings.NewReader(post))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", "t")
	r.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	body, err := io.ReadAll(resp.Body)
	if err != nil || len(body) > 0 || resp.ContentLength != -1 || !resp.Close || len(resp.TransferEncoding) > 0 {
		t.Errorf("body %q, %v, length %d, encoding %v, close %v", body, err, resp.ContentLength, resp.TransferEncoding, resp.Close)
	}
}
