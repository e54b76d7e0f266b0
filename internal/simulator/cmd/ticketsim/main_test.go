package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
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

// must is what a call returns that fails only if the test is wrong.
func must[T any](got T, err error) T {
	if err != nil {
		panic(err)
	}
	return got
}

// result is what a run of the program gave.
type result struct {
	code     int
	out, err string
}

// ticketsim runs the program within the test.
func ticketsim(t *testing.T, args ...string) result {
	t.Helper()
	return within(t.Context(), args...)
}

func within(ctx context.Context, args ...string) result {
	var out, err strings.Builder
	code := run(ctx, args, &out, &err)
	return result{code, out.String(), err.String()}
}

// done runs a command that must do its work, and returns its output.
func done(t *testing.T, args ...string) string {
	t.Helper()
	r := ticketsim(t, args...)
	if r.code != exitDone || r.err != "" {
		t.Fatalf("%q: exit %d: %s", args, r.code, r.err)
	}
	return r.out
}

func start(t *testing.T, opts simulator.Options) *simulator.Server {
	t.Helper()
	s := must(simulator.Start("", opts))
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// send sends a JSON body, and header names and values.
func send(t *testing.T, method, url, body string, header ...string) (status int, answer string) {
	t.Helper()
	r := must(http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body)))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := poster.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close() //nolint:errcheck // it is only read
	return resp.StatusCode, string(must(io.ReadAll(resp.Body)))
}

func post(t *testing.T, url, token string) (status int, answer string) {
	t.Helper()
	return send(t, http.MethodPost, url+"/v2/servicerequest/cases/case-123/message", `{"message":{"content":"hello"}}`, "X-Auth-Token", token)
}

// program starts the test binary as ticketsim, and returns its URL.
func program(t *testing.T, args ...string) (cmd *exec.Cmd, url string) {
	t.Helper()
	cmd = exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), "TICKETSIM_RUN=1", "TICKETSIM_TOKEN=secret-token")
	out := must(cmd.StdoutPipe())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // too late for one that has ended
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line := must(bufio.NewReader(out).ReadString('\n'))
	return cmd, strings.TrimSuffix(line, "\n")
}

// A signal ends the program, even while a request hangs.
func TestSignals(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("on Windows, a process cannot send these signals to another")
	}
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			cmd, url := program(t, "-case", "case-123")
			done(t, "faults", "-url", url, "slow")
			hung := make(chan int)
			go func() {
				status, _ := post(t, url, "secret-token")
				hung <- status
			}()
			for done(t, "requests", "-url", url) != "submit 1\n" {
			}
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
			if status := <-hung; status != 0 {
				t.Errorf("slow answered: %d", status)
			}
		})
	}
}

func TestAddrFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "url")
	_, url := program(t, "-addr-file", file)
	if b, err := os.ReadFile(file); err != nil || string(b) != url+"\n" {
		t.Errorf("file %q, %v", b, err)
	}
	if left, _ := os.ReadDir(filepath.Dir(file)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// The program exits with the code of run. That of success after a signal is TestSignals's.
func TestExitCode(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "other")
	cmd.Env = append(os.Environ(), "TICKETSIM_RUN=1")
	_ = cmd.Run() // the exit code says it
	if got := cmd.ProcessState.ExitCode(); got != exitUsage {
		t.Errorf("exit %d", got)
	}
}

// A ticket's life, as a pipeline would play it against the program.
func TestTicketLife(t *testing.T) {
	_, url := program(t, "-case", "other", "-case", "case-123=It is slow")
	done(t, "wait", "-url", url+"/")
	submit := func(want string) {
		t.Helper()
		if status, body := post(t, url, "secret-token"); status != 200 || !strings.Contains(body, want) || (body == "") != (want == "") {
			t.Errorf("got %d %s, want %q", status, body, want)
		}
	}
	heading := func(want string) {
		t.Helper()
		if got, _, _ := strings.Cut(done(t, "thread", "-url", url, "case-123"), "\n"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	heading("case-123 (to be accepted): It is slow")
	submit("")
	done(t, "reply", "-url", url, "case-123", "-5 °C: we are on it.")
	done(t, "close", "-url", url, "case-123")
	heading("case-123 (completed): It is slow")
	submit("OSM.01010002")
	done(t, "reopen", "-url", url, "case-123")
	heading("case-123 (processing): It is slow")
	done(t, "faults", "-url", url, "200@1?code=OSM.01010014", "200@2?code=OSM.01019999")
	submit("OSM.01010014")
	submit("OSM.01019999")
	submit("")
	done(t, "faults", "-url", url, "500")
	done(t, "faults", "-url", url)
	submit("")
	if got := done(t, "requests", "-url", url); got != "submit 6\n" {
		t.Errorf("requests %q", got)
	}
	if got := done(t, "wait", "-url", url); got != "" {
		t.Errorf("wait printed %q", got)
	}
}

// What each flag about credentials opens.
func TestIssuers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("pod-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, url := program(t, "-agency", "acc:deploy", "-oidc-provider", "ci=https://cloud", "-oidc-provider", "other=x", "-pod-token-file", file,
		"-ecs-agency", "-id-token-request-token", "request-token", "-credential-lifetime", "2s", "-user", "n:p:q:d", "-access-key", "AK:SK")
	token := strings.TrimSpace(done(t, "id-token", "-url", url, "-audience", "https://cloud"))
	_, metadata := send(t, "PUT", url+"/meta-data/latest/api/token", "", "X-Metadata-Token-Ttl-Seconds", "60")
	for _, c := range []struct {
		name, method, path, body string
		header                   []string
		want                     string
	}{
		{"OIDC at STS", "POST", "/v5/agencies/assume-with-oidc",
			`{"provider_urn":"iam::acc:oidcProvider:ci","agency_urn":"iam::acc:agency:deploy","agency_session_name":"run","id_token":"` + token + `"}`, nil, `"security_token":`},
		{"OIDC at IAM", "POST", "/v3.0/OS-AUTH/id-token/tokens",
			`{"auth":{"id_token":{"id":"` + token + `"},"scope":{"domain":{"name":"acc"}}}}`, []string{"X-Idp-Id", "ci"}, `"id":"acc"`},
		{"pod", "POST", simulator.PodCredentialsPath, "{}", []string{"Authorization", "pod-token"}, `"securityToken":`},
		{"metadata", "GET", "/openstack/latest/securitykey", "", []string{"X-Metadata-Token", metadata}, `"securitytoken":`},
		{"GitHub", "GET", simulator.IDTokenRequestPath + "?api-version=2.0&audience=x", "", []string{"Authorization", "bearer request-token"}, `"value":`},
		{"password", "POST", "/v3/auth/tokens",
			`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"n","password":"p:q","domain":{"name":"d"}}}},"scope":{"domain":{"name":"d"}}}}`, nil, `"token":`},
		{"access key", "GET", "/v3/auth/domains", "",
			[]string{"X-Sdk-Date", "20000101T000000Z", "Authorization", "SDK-HMAC-SHA256 Access=AK, SignedHeaders=x-sdk-date, Signature=" + strings.Repeat("0", 64)}, "x-sdk-date out of range"},
	} {
		if _, body := send(t, c.method, url+c.path, c.body, c.header...); !strings.Contains(body, c.want) {
			t.Errorf("%s: got %s", c.name, body)
		}
	}
}
