package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

var client = &http.Client{Transport: &http.Transport{}}

// TestMain makes the test binary the program, when it is asked to be.
func TestMain(m *testing.M) {
	if os.Getenv("TICKETSIM_RUN") == "1" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func post(t *testing.T, url, token, content string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v2/servicerequest/cases/case-123/message",
		strings.NewReader(`{"group_id":"g","message":{"content":"`+content+`"}}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	return resp.StatusCode
}

func TestProgram(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "url")
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-case", "case-123=It is slow", "-group", "g", "-addr-file", file,
				"-fault", "503@2", "-fault", "slow-committed@3", "-log", "-user", "n:p:q:d", "-access-key", "a:b", "-seed", "1")
			cmd.Env = append(os.Environ(), "TICKETSIM_RUN=1", "TICKETSIM_TOKEN=secret-token")
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			url := strings.TrimSpace(line)
			if b, err := os.ReadFile(file); err != nil || string(b) != line {
				t.Errorf("file %q, %v", b, err)
			}
			if left, _ := os.ReadDir(filepath.Dir(file)); len(left) != 1 {
				t.Errorf("left behind: %v", left)
			}
			if got := post(t, url, "secret-token", "x"); got != 200 {
				t.Errorf("first: %d", got)
			}
			if got := post(t, url, "secret-token", "x"); got != 503 {
				t.Errorf("second: %d", got)
			}
			// A request that hangs must not keep the program.
			hang, stop := context.WithCancel(t.Context())
			defer stop()
			hung := make(chan struct{})
			go func() {
				defer close(hung)
				r, _ := http.NewRequestWithContext(hang, http.MethodPost, url+"/v2/servicerequest/cases/case-123/message", strings.NewReader(`{"group_id":"g","message":{"content":"y"}}`))
				r.Header.Set("X-Auth-Token", "secret-token")
				r.Header.Set("Content-Type", "application/json")
				if resp, err := client.Do(r); err == nil {
					_ = resp.Body.Close()
					t.Error("slow-committed answered")
				}
			}()
			counts := func() string {
				var b strings.Builder
				if err := run(t.Context(), []string{"requests", "-url", url}, &b, io.Discard); err != nil {
					t.Fatal(err)
				}
				return b.String()
			}
			for counts() != "submit 3\n" {
			}
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v: %s", err, stderr.String())
			}
			<-hung
			log := stderr.String()
			for _, want := range []string{
				"submit POST /v2/servicerequest/cases/case-123/message status=200 committed\n",
				"submit POST /v2/servicerequest/cases/case-123/message status=503 fault=503\n",
			} {
				if !strings.Contains(log, want) {
					t.Errorf("no %q in the log:\n%s", want, log)
				}
			}
			if strings.Contains(log, "secret-token") {
				t.Errorf("a token in the log:\n%s", log)
			}
		})
	}
}

func TestThread(t *testing.T) {
	s, err := simulator.Start("", simulator.Options{Tokens: []string{"t"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // nothing left to lose
	at := func(h int) simulator.Message {
		return simulator.Message{CreateTime: time.Date(2026, 1, 2, h, 0, 0, 0, time.UTC)}
	}
	s.AddCase(simulator.Case{ID: "case/123", Status: 17, Description: "It is slow", GroupID: "g"})
	m := at(3)
	m.ReplierName, m.Content, m.AccessoryIDs = "Ada", "Hello\n\n  indented\n", []string{"a.txt"}
	s.AddMessage("case/123", m)
	m = at(4)
	m.Type, m.Content = 1, "Answer"
	s.AddMessage("case/123", m)

	var out strings.Builder
	if err := run(t.Context(), []string{"thread", "-url", s.URL(), "-token", "t", "-group", "g", "case/123"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	want := `case/123 (awaiting feedback): It is slow

#1  Ada (customer)  2026-01-02T03:00:00Z
    [attached: a.txt]
    Hello

      indented

#2  engineer  2026-01-02T04:00:00Z
    Answer
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	for _, args := range [][]string{
		{"thread", "-url", s.URL(), "-token", "u", "-group", "g", "case/123"},
		{"thread", "-url", s.URL(), "-token", "t", "case/123"},
		{"thread", "-url", s.URL(), "-token", "t", "other"},
		{"thread", "-url", s.URL()},
		{"thread", "case/123"},
		{"requests"},
	} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}

func TestFlags(t *testing.T) {
	for _, args := range [][]string{
		{"-addr", "0.0.0.0:0"}, {"-case", "=x"}, {"-fault", "other"}, {"-user", "n:p"}, {"-user", ":p:d"}, {"-user", "n::d"},
		{"-access-key", "AK"}, {"-seed", "x"}, {"other"}, {"-addr-file", "/nowhere/url"},
	} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
	var help strings.Builder
	if err := run(t.Context(), []string{"-help"}, io.Discard, &help); err == nil {
		t.Error("-help served")
	}
	for _, k := range simulator.FaultKinds() {
		if !strings.Contains(help.String(), "  "+k.Name+" ") {
			t.Errorf("-help does not list %s", k.Name)
		}
	}
}
