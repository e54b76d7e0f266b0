//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// operations are the timed commands, in the order of a round.
var operations = []struct {
	Name string
	args []string
}{
	{"plan", []string{"plan"}},
	{"apply", []string{"apply", "-auto-approve"}},
	{"no-op plan", []string{"plan", "-detailed-exitcode"}}, // fails if there is anything to change
	{"destroy", []string{"destroy", "-auto-approve"}},
}

// round runs all operations once, from no state to no state. If sampled, it notes
// the traffic and the state, and on the first network repeats the operations to
// measure the provider's process. That costs time, so nothing of it is timed.
func (s *subject) round(ctx context.Context, o options, n network, size int, r *results, sampled bool) error {
	if err := s.operate(ctx, o, n, size, timedVersion, func(op string, took time.Duration, service *service) error {
		r.Samples = append(r.Samples, sample{command{n.Name, size, s.Name, op}, took.Seconds()})
		if op != "apply" || !sampled {
			return nil
		}
		state, err := os.Stat(filepath.Join(s.dir, "terraform.tfstate"))
		if err != nil {
			return err
		}
		if got := service.simulator.Count(simulator.OpSubmit); s.posts && got != size {
			return fmt.Errorf("%d submits for %d messages", got, size)
		}
		r.Costs = append(r.Costs, cost{Network: n.Name, Messages: size, Subject: s.Name, StateBytes: state.Size(), traffic: service.traffic()})
		return nil
	}); err != nil || !sampled || s.source == "" || n.Name != o.networks[0].Name {
		return err
	}
	return s.operate(ctx, o, n, size, usageVersion, func(op string, _ time.Duration, _ *service) error {
		u, err := readUsage(s.usage)
		if err != nil {
			return err
		}
		r.Usages = append(r.Usages, usage{Messages: size, Subject: s.Name, Operation: op, processUsage: u})
		return nil
	})
}

// operate runs all operations with a version of the provider, and calls after
// with each.
func (s *subject) operate(ctx context.Context, o options, n network, size int, version string, after func(op string, took time.Duration, service *service) error) error {
	ca := filepath.Join(s.dir, "ca.pem")
	service, err := startService(n, ca)
	if err != nil {
		return err
	}
	defer service.Close()
	for _, name := range []string{".terraform", ".terraform.lock.hcl", "terraform.tfstate", "terraform.tfstate.backup"} {
		if err := os.RemoveAll(filepath.Join(s.dir, name)); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(s.dir, "main.tf"), []byte(s.main(size, version)), 0o600); err != nil {
		return err
	}
	env := append(os.Environ(), "TF_CLI_CONFIG_FILE="+filepath.Join(s.dir, "cli.tfrc"), "CHECKPOINT_DISABLE=1", "no_proxy=*", "NO_PROXY=*",
		"SERVICEREQUEST_ENDPOINT="+service.URL, "SERVICEREQUEST_TOKEN="+benchToken)
	if n.TLS {
		env = append(env, "SERVICEREQUEST_CA_CERT_FILE="+ca, "CURL_CA_BUNDLE="+ca)
	}
	if version == usageVersion {
		env = append(env, measuredProvider+"="+s.binary, measuredUsage+"="+s.usage)
	}
	run := func(args ...string) (time.Duration, error) {
		cmd := exec.CommandContext(ctx, o.cli, append(args, "-input=false", "-no-color")...) //nolint:gosec // the CLI that the caller chose
		cmd.Dir, cmd.Env = s.dir, env
		var output bytes.Buffer
		cmd.Stdout, cmd.Stderr = &output, &output
		start := time.Now()
		if err := cmd.Run(); err != nil {
			text := output.String()
			return 0, fmt.Errorf("%s: %w\n%s", args[0], err, text[max(0, len(text)-2000):])
		}
		return time.Since(start), nil
	}
	if _, err := run("init"); err != nil {
		return err
	}
	for _, op := range operations {
		_ = os.Remove(s.usage)
		took, err := run(op.args...)
		if err != nil {
			return err
		}
		if err := after(op.Name, took, service); err != nil {
			return err
		}
	}
	return nil
}

// With these variables set, this program stands for a provider: it runs the
// provider, and appends to a file what its process used.
const (
	measuredProvider = "SERVICEREQUEST_BENCH_PROVIDER"
	measuredUsage    = "SERVICEREQUEST_BENCH_USAGE"
)

// processUsage is what the processes of a provider used during a command.
type processUsage struct {
	Processes  int     `json:"processes"`
	CPUSeconds float64 `json:"cpu_seconds"` // of all together
	PeakBytes  int64   `json:"peak_bytes"`  // of the largest
}

func measureProvider(binary, file string) int {
	cmd := exec.CommandContext(context.Background(), binary, os.Args[1:]...) //nolint:gosec // the binary to measure
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	if state := cmd.ProcessState; state != nil {
		u := processUsage{Processes: 1, CPUSeconds: (state.UserTime() + state.SystemTime()).Seconds()}
		if rusage, ok := state.SysUsage().(*syscall.Rusage); ok {
			u.PeakBytes = int64(rusage.Maxrss) //nolint:unconvert // 32 bits on some systems
			if runtime.GOOS != "darwin" {      // kilobytes, everywhere else
				u.PeakBytes *= 1024
			}
		}
		if line, err := json.Marshal(u); err == nil {
			if f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil { //nolint:gosec // named by the parent process
				_, _ = f.Write(append(line, '\n'))
				_ = f.Close()
			}
		}
	}
	if err != nil {
		return 1
	}
	return 0
}

func readUsage(file string) (processUsage, error) {
	b, err := os.ReadFile(file) //nolint:gosec // written by measureProvider
	if err != nil {
		return processUsage{}, err
	}
	var sum processUsage
	for line := range bytes.Lines(b) {
		var u processUsage
		if err := json.Unmarshal(line, &u); err != nil {
			return sum, err
		}
		sum.Processes += u.Processes
		sum.CPUSeconds += u.CPUSeconds
		sum.PeakBytes = max(sum.PeakBytes, u.PeakBytes)
	}
	return sum, nil
}

// startTime is how long a provider's process takes from its start to the
// handshake that Terraform waits for.
func startTime(ctx context.Context, binary string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, binary)
	cmd.Env = append(os.Environ(), "TF_PLUGIN_MAGIC_COOKIE=d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
		"PLUGIN_PROTOCOL_VERSIONS=5,6")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	took := time.Since(start)
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // it was killed
	if err != nil || !strings.HasPrefix(line, "1|") {
		return 0, errors.Join(fmt.Errorf("%s: no handshake: %q", binary, line), err)
	}
	return took, nil
}
