//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// subject is a way to have messages.
type subject struct {
	name   string
	config string // with %d for the number of messages
	ours   bool   // it needs this provider
}

// Subjects that the report names.
const (
	floor = "terraform_data" // what Terraform itself takes: all ratios are to it
	keyed = "with keys"
)

// content is a message of ordinary length. Every subject has it in its state.
const content = `Release 1.4.${count.index} is live in eu-west-101. The connection resets have stopped; please close the ticket.`

func subjects() []subject {
	message := `terraform {
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
	all := []subject{
		{name: floor, config: `resource "terraform_data" "message" {
  count = %d
  input = "` + content + `"
}
`},
		{name: "without keys", ours: true, config: message + "}\n"},
		{name: keyed, ours: true, config: message + `  idempotency_key = "release 1.4.${count.index}"` + "\n}\n"},
		// As a careful engineer writes it: the token is in no argument, and HTTP
		// errors fail.
		{name: "curl", config: `resource "terraform_data" "message" {
  count = %d
  input = "` + content + `"
  provisioner "local-exec" {
    command = "printf 'X-Auth-Token: %%s' \"$SERVICEREQUEST_TOKEN\" | curl --silent --show-error --fail --max-time 60 --header 'Content-Type: application/json' --header @- --data-binary \"$BODY\" \"$SERVICEREQUEST_ENDPOINT/v2/servicerequest/cases/` + benchCase + `/message\""
    environment = {
      BODY = jsonencode({ message = { content = self.input } })
    }
  }
}
`},
	}
	if _, err := exec.LookPath("curl"); err != nil {
		all = all[:3]
	}
	return all
}

const (
	// The provider has a host of its own, which no registry has: the CLI finds the
	// provider in the directory of the configuration or not at all.
	source  = "bench.invalid/seed-9e648b51/servicerequest"
	version = "0.1.0"
)

// run runs the scenario's operations once, from no state to no state. For memory, this
// program stands for the provider, and what is noted is not the time but the peak.
func (s subject) run(ctx context.Context, o options, sc scenario, memory bool, r *results) error {
	dir, err := os.MkdirTemp("", "servicerequest-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	ca, peaks := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "peaks")
	service, err := startService(sc, ca)
	if err != nil {
		return err
	}
	defer service.Close()

	// The CLI's own configuration would hide the directory that has the provider.
	// Without no_proxy, curl uses a proxy even for loopback.
	env := append(os.Environ(), "TF_CLI_CONFIG_FILE="+os.DevNull, "no_proxy=*",
		"SERVICEREQUEST_ENDPOINT="+service.URL, "SERVICEREQUEST_TOKEN="+benchToken)
	if sc.https {
		env = append(env, "SERVICEREQUEST_CA_CERT_FILE="+ca, "CURL_CA_BUNDLE="+ca)
	}
	program := o.provider
	if memory {
		env = append(env, measuredProvider+"="+o.provider, measuredPeaks+"="+peaks)
		if program, err = os.Executable(); err != nil {
			return err
		}
	}
	if err := prepare(dir, program, fmt.Appendf(nil, s.config, sc.messages)); err != nil {
		return err
	}
	command := func(args ...string) (time.Duration, error) {
		cmd := exec.CommandContext(ctx, o.cli, append(args, "-input=false", "-no-color")...) //nolint:gosec // the CLI that the caller chose
		cmd.Dir, cmd.Env = dir, env
		start := time.Now()
		output, err := cmd.CombinedOutput()
		if err != nil {
			return 0, fmt.Errorf("%s: %w\n%s", args[0], err, output[max(0, len(output)-2000):])
		}
		return time.Since(start), nil
	}
	if _, err := command("init"); err != nil {
		return err
	}
	for _, op := range sc.operations() {
		_ = os.Remove(peaks)
		took, err := command(op.args...)
		if err != nil {
			return err
		}
		m := r.cell(sc, op, s.name)
		if memory {
			if m.peak, err = readPeak(peaks); err != nil {
				return err
			}
			continue
		}
		m.seconds = append(m.seconds, took.Seconds())
		if op.name == apply.name {
			if got := service.simulator.Count(simulator.OpSubmit); got != sc.messages && s.name != floor {
				return fmt.Errorf("%d submits for %d messages", got, sc.messages)
			}
			m.requests, m.connections = service.requests.Load(), service.connections.Load()
		}
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

// With these variables set, this program stands for the provider: it runs the
// provider, and appends to a file how much memory its process had at most.
const (
	measuredProvider = "SERVICEREQUEST_BENCH_PROVIDER"
	measuredPeaks    = "SERVICEREQUEST_BENCH_PEAKS"
)

func measureProvider(binary, file string) int {
	cmd := exec.CommandContext(context.Background(), binary, os.Args[1:]...) //nolint:gosec // the binary to measure
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		peak := int64(usage.Maxrss)   //nolint:unconvert // 32 bits on some systems
		if runtime.GOOS != "darwin" { // kilobytes, everywhere else
			peak *= 1024
		}
		if f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil { //nolint:gosec // named by the parent process
			_, _ = fmt.Fprintln(f, peak)
			_ = f.Close()
		}
	}
	if err != nil {
		return 1
	}
	return 0
}

// readPeak returns the most memory that a process of the provider had. Terraform starts
// several of them in a command.
func readPeak(file string) (highest int64, err error) {
	data, err := os.ReadFile(file) //nolint:gosec // written by measureProvider
	for line := range bytes.Lines(data) {
		peak, err := strconv.ParseInt(strings.TrimSpace(string(line)), 10, 64)
		if err != nil {
			return 0, err
		}
		highest = max(highest, peak)
	}
	return highest, err
}
