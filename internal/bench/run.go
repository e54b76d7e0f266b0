//go:build unix

package main

import (
	"context"
	"encoding/pem"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

var subjects = []string{terraformData, "without keys", withKeys, "curl"}

const (
	terraformData = "terraform_data" // what Terraform itself takes: all ratios are to it
	withKeys      = "with keys"

	// The provider has a host of its own, which no registry has: the CLI finds the
	// provider in the directory of the configuration or not at all.
	source  = "bench.invalid/seed-9e648b51/servicerequest"
	version = "0.1.0"

	benchToken = "bench-token"
	benchCase  = "TT201801020526"
	latency    = 50 * time.Millisecond // of HTTPS; results/README.md has it, too

	// content is a message of ordinary length. Every subject has it in its state.
	content = `Release 1.4.${count.index} is live in eu-west-101. The connection resets have stopped; please close the ticket.`

	caseMessage = `terraform {
  required_providers {
    servicerequest = {
      source = "` + source + `"
    }
  }
}

resource "servicerequest_case_message" "message" {
  count   = %d
  case_id = "` + benchCase + `"
  content = "` + content + `"
`
)

// configs has the configuration of each subject, with %d for the number of messages.
var configs = map[string]string{
	terraformData: `resource "terraform_data" "message" {
  count = %d
  input = "` + content + `"
}
`,
	"without keys": caseMessage + "}\n",
	withKeys:       caseMessage + `  idempotency_key = "release 1.4.${count.index}"` + "\n}\n",
	// As a careful engineer writes it: the token is in no argument, and HTTP
	// errors fail.
	"curl": `resource "terraform_data" "message" {
  count = %d
  input = "` + content + `"
  provisioner "local-exec" {
    command = "printf 'X-Auth-Token: %%s' \"$SERVICEREQUEST_TOKEN\" | curl --silent --show-error --fail --max-time 60 --header 'Content-Type: application/json' --header @- --data-binary \"$BODY\" \"$SERVICEREQUEST_ENDPOINT/v2/servicerequest/cases/` + benchCase + `/message\""
    environment = {
      BODY = jsonencode({ message = { content = self.input } })
    }
  }
}
`,
}

// run runs the scenario's commands once, from no state to no state. To measure memory,
// this program takes the provider's place, and the peak is recorded instead of the time.
func (b *benchmark) run(ctx context.Context, sc scenario, subject string, memory bool) error {
	dir, err := os.MkdirTemp("", "servicerequest-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	service := startService(sc)
	defer service.Close()

	// The CLI's own configuration would hide the directory that has the provider.
	// Without no_proxy, curl uses a proxy even for loopback.
	env := append(os.Environ(), "TF_CLI_CONFIG_FILE="+os.DevNull, "TF_CLI_ARGS=-input=false -no-color", "no_proxy=*",
		"SERVICEREQUEST_ENDPOINT="+service.URL, "SERVICEREQUEST_TOKEN="+benchToken)
	if sc.https {
		ca := filepath.Join(dir, "ca.pem")
		certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: service.Certificate().Raw})
		if err := os.WriteFile(ca, certificate, 0o600); err != nil {
			return err
		}
		env = append(env, "SERVICEREQUEST_CA_CERT_FILE="+ca, "CURL_CA_BUNDLE="+ca)
	}
	program := b.provider
	if memory {
		env = append(env, measuredProvider+"="+b.provider)
		if program, err = os.Executable(); err != nil {
			return err
		}
	}
	if err := prepare(dir, program, fmt.Appendf(nil, configs[subject], sc.messages)); err != nil {
		return err
	}
	for _, name := range append([]string{"init"}, sc.commands()...) {
		_ = os.Remove(filepath.Join(dir, peaksFile))
		before := len(service.simulator.Requests())
		cmd := exec.CommandContext(ctx, b.cli, arguments[name]...) //nolint:gosec // the CLI that the caller chose
		cmd.Dir, cmd.Env = dir, env
		start := time.Now()
		if output, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", name, err, output[max(0, len(output)-2000):])
		}
		took := time.Since(start)
		if name == "init" { // not measured
			continue
		}
		place := cell{sc, name, subject}
		m := b.results[place]
		if memory {
			if m.peak, err = readPeak(filepath.Join(dir, peaksFile)); err != nil {
				return err
			}
		} else {
			m.seconds = append(m.seconds, took.Seconds())
			m.requests = len(service.simulator.Requests()) - before
			m.connections = int(service.connections.Swap(0))
		}
		b.results[place] = m
	}
	if got := service.simulator.Count(simulator.OpSubmit); got != sc.messages && subject != terraformData {
		return fmt.Errorf("%d submits for %d messages", got, sc.messages)
	}
	return nil
}

// prepare writes the configuration, and puts the program where the CLI looks for the
// provider. Unlike with dev_overrides, the CLI checks it against the lock file in each
// run, as it does for a user.
func prepare(dir, program string, config []byte) error {
	plugins := filepath.Join(dir, "terraform.d/plugins", source, version, runtime.GOOS+"_"+runtime.GOARCH)
	if err := os.MkdirAll(plugins, 0o700); err != nil {
		return err
	}
	if err := os.Symlink(program, filepath.Join(plugins, "terraform-provider-servicerequest_v"+version)); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "main.tf"), config, 0o600)
}

// With measuredProvider set, this program takes the provider's place: it runs the
// provider, and appends the peak memory of its process to peaksFile.
const (
	measuredProvider = "SERVICEREQUEST_BENCH_PROVIDER"
	peaksFile        = "peaks" // in the directory of the configuration, where the CLI runs providers
)

func measureProvider(binary string) {
	cmd := exec.CommandContext(context.Background(), binary, os.Args[1:]...) //nolint:gosec // the binary to measure
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		log.Fatal(err)
	}
	peak := int64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) //nolint:unconvert // 32 bits on some systems
	if runtime.GOOS != "darwin" {
		peak *= 1024 // kilobytes, everywhere else
	}
	f, err := os.OpenFile(peaksFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := fmt.Fprintln(f, peak); err != nil {
		log.Fatal(err)
	}
}

// readPeak returns the most memory that a process of the provider had. Terraform starts
// several of them in a command.
func readPeak(file string) (highest int64, err error) {
	data, err := os.ReadFile(file) //nolint:gosec // written by measureProvider
	for _, line := range strings.Fields(string(data)) {
		peak, err := strconv.ParseInt(line, 10, 64)
		if err != nil {
			return 0, err
		}
		highest = max(highest, peak)
	}
	return highest, err
}

// service is the simulator at the end of a network.
type service struct {
	*httptest.Server
	simulator   *simulator.Simulator
	connections atomic.Int64
}

// startService starts the simulator with the scenario's ticket.
func startService(sc scenario) *service {
	s := &service{simulator: simulator.New(simulator.Options{Tokens: []string{benchToken}})}
	s.simulator.AddCase(simulator.Case{ID: benchCase})
	for i := range sc.existing {
		old := fmt.Sprintf("[release 1.3.%d] Release 1.3.%d is live in eu-west-101. The connection resets go on; please look into them.", i, i)
		s.simulator.AddMessage(benchCase, simulator.Message{Content: old})
	}
	s.Server = httptest.NewUnstartedServer(s.simulator)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connections.Add(1)
		}
	}
	if sc.https {
		s.Listener = slowListener{s.Listener}
		s.StartTLS()
	} else {
		s.Start()
	}
	return s
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
