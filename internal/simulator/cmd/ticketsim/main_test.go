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

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

var poster = &http.Client{Transport: &http.Transport{}}

// TestMain makes the test binary the program, when it is asked to be.
func TestMain(m *testing.M) {
	if os.Getenv("TICKETSIM_RUN") == "1" {
		main()
	}
	os.Exit(m.Run())
}

// result is what a run of the program gave.
type result struct {
	code     int
	out, err string
}

// ticketsim runs the program within the test.
func ticketsim(t *testing.T, in string, args ...string) result {
	t.Helper()
	var out, err strings.Builder
	code := run(t.Context(), args, streams{strings.NewReader(in), &out, &err})
	return result{code, out.String(), err.String()}
}

// done runs a command that must do its work, and returns its output.
func done(t *testing.T, args ...string) string {
	t.Helper()
	r := ticketsim(t, "", args...)
	if r.code != exitDone || r.err != "" {
		t.Fatalf("%q: exit %d: %s", args, r.code, r.err)
	}
	return r.out
}

func start(t *testing.T, opts simulator.Options) *simulator.Server {
	t.Helper()
	s, err := simulator.Start("", opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func post(t *testing.T, url, token, content string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v2/servicerequest/cases/case-123/message",
		strings.NewReader(`{"group_id":"g","message":{"content":"`+content+`"}}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := poster.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // it is only read
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// program starts the test binary as ticketsim, and returns its URL.
func program(t *testing.T, stderr io.Writer, args ...string) (cmd *exec.Cmd, url string) {
	t.Helper()
	cmd = exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), "TICKETSIM_RUN=1", "TICKETSIM_TOKEN=secret-token")
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // too late for one that has ended
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return cmd, strings.TrimSuffix(line, "\n")
}

func TestProgram(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "url")
			var stderr bytes.Buffer
			cmd, url := program(t, &stderr, "-case", "case-123=It is slow", "-group", "g", "-addr-file", file,
				"-fault", "503@2", "-fault", "slow@3?stored=true", "-log", "-user", "n:p:q:d", "-access-key", "a:b", "-seed", "1")
			if b, err := os.ReadFile(file); err != nil || string(b) != url+"\n" {
				t.Errorf("file %q, %v", b, err)
			}
			if left, _ := os.ReadDir(filepath.Dir(file)); len(left) != 1 {
				t.Errorf("left behind: %v", left)
			}
			if got, _ := post(t, url, "secret-token", "x"); got != 200 {
				t.Errorf("first: %d", got)
			}
			if got, _ := post(t, url, "secret-token", "x"); got != 503 {
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
				if resp, err := poster.Do(r); err == nil {
					_ = resp.Body.Close()
					t.Error("slow answered")
				}
			}()
			for done(t, "requests", "-url", url) != "submit 3\n" {
			}
			if r := ticketsim(t, "", "thread", "-url", url, "-token", "secret-token", "case-123"); !strings.Contains(r.err, "OSM.01010002") {
				t.Errorf("the ticket without its group: %+v", r)
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

// The exit codes of the program itself. That of success is TestProgram's.
func TestExitCodes(t *testing.T) {
	gone := start(t, simulator.Options{})
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want int
	}{
		{[]string{"-version"}, 0},
		{[]string{"close", "-h"}, 0},
		{[]string{"requests", "-url", gone.URL()}, 1},
		{[]string{"other"}, 2},
	} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], c.args...)
		cmd.Env = append(os.Environ(), "TICKETSIM_RUN=1")
		_ = cmd.Run() // the exit code says it
		if got := cmd.ProcessState.ExitCode(); got != c.want {
			t.Errorf("%q: exit %d, want %d", c.args, got, c.want)
		}
	}
}

// A ticket's life, as a pipeline would play it against the program.
func TestTicketLife(t *testing.T) {
	_, url := program(t, io.Discard, "-case", "other")
	done(t, "wait", "-url", url)
	done(t, "add", "-url", url+"/", "-group", "g", "-status", "awaiting_feedback", "case-123=It is slow")
	submit := func(want string) {
		t.Helper()
		if status, body := post(t, url, "secret-token", "hello"); status != 200 || !strings.Contains(body, want) || (body == "") != (want == "") {
			t.Errorf("got %d %s, want %q", status, body, want)
		}
	}
	heading := func(want string) {
		t.Helper()
		thread := done(t, "thread", "-url", url, "-token", "secret-token", "-group", "g", "case-123")
		if got, _, _ := strings.Cut(thread, "\n"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	heading("case-123 (awaiting feedback): It is slow")
	submit("")
	done(t, "reply", "-url", url, "-name", "Ada", "case-123", "We are on it.")

	done(t, "close", "-url", url, "case-123")
	heading("case-123 (completed): It is slow")
	submit("OSM.01010002")
	done(t, "reopen", "-url", url, "case-123")
	heading("case-123 (processing): It is slow")
	submit("")
	done(t, "close", "-url", url, "-status", "12", "case-123")
	heading("case-123 (invalid): It is slow")

	done(t, "reopen", "-url", url, "case-123")
	done(t, "faults", "-url", url, "200@1?code=OSM.01010014", "200@2?code=OSM.01019999")
	submit("OSM.01010014")
	submit("OSM.01019999")
	submit("")
	done(t, "faults", "-url", url, "500")
	done(t, "faults", "-url", url)
	submit("")
	if got := done(t, "requests", "-url", url); got != "detail 4\nsubmit 7\n" {
		t.Errorf("requests %q", got)
	}
}

func TestAcceptClosed(t *testing.T) {
	_, url := program(t, io.Discard, "-case", "case-123", "-accept-closed")
	done(t, "close", "-url", url, "-status", "Cancelled", "case-123")
	if status, body := post(t, url, "secret-token", "hello"); status != 200 || body != "" {
		t.Errorf("got %d %s", status, body)
	}
}
