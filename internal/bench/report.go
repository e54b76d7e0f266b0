//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// results is all that a run measured, as results.json keeps it.
type results struct {
	Made    string   `json:"made"` // date, UTC
	CLI     string   `json:"cli"`
	Machine string   `json:"machine"`
	Starts  []start  `json:"starts"`
	Times   []timing `json:"times"`
	Costs   []cost   `json:"costs"`
	Usages  []usage  `json:"usages"`
	Submit  string   `json:"submit"` // output of go test -bench

	Samples []sample `json:"-"`
}

// sample is one timed command.
type sample struct {
	command
	seconds float64
}

// command is what the samples of all rounds have in common.
type command struct {
	network   string
	messages  int
	subject   string
	operation string
}

// timing is the median of samples.
type timing struct {
	Network   string  `json:"network"`
	Messages  int     `json:"messages"`
	Subject   string  `json:"subject"`
	Operation string  `json:"operation"`
	Seconds   float64 `json:"seconds"`
	Ratio     float64 `json:"ratio"` // to terraform_data
}

// cost is what one apply left in the state, and what the service saw of it.
type cost struct {
	Network    string `json:"network"`
	Messages   int    `json:"messages"`
	Subject    string `json:"subject"`
	StateBytes int64  `json:"state_bytes"`
	traffic
}

// usage is what the processes of a provider used in one command.
type usage struct {
	Messages  int    `json:"messages"`
	Subject   string `json:"subject"`
	Operation string `json:"operation"`
	processUsage
}

// start is how a provider's binary starts, and its size.
type start struct {
	Name         string  `json:"name"`
	Milliseconds float64 `json:"milliseconds"` // median, from spawn to handshake
	Bytes        int64   `json:"bytes"`
}

// starts is how often each binary is started to find the median.
const starts = 41

// describe notes the machine and the CLI, and measures start-ups.
func describe(ctx context.Context, o options) (results, error) {
	r := results{
		Made:    time.Now().UTC().Format(time.DateOnly),
		Machine: fmt.Sprintf("%d CPUs, %s/%s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version()),
	}
	version, err := exec.CommandContext(ctx, o.cli, "version").Output() //nolint:gosec // the CLI that the caller chose
	if err != nil {
		return r, err
	}
	r.CLI, _, _ = strings.Cut(string(version), "\n")

	binaries := append([]other{{"build", ours, o.provider}}, o.others...)
	took := make([][]float64, len(binaries))
	for range starts {
		for i, b := range binaries {
			d, err := startTime(ctx, b.path)
			if err != nil {
				return r, err
			}
			took[i] = append(took[i], float64(d.Microseconds())/1000)
		}
	}
	for i, b := range binaries {
		info, err := os.Stat(b.path)
		if err != nil {
			return r, err
		}
		r.Starts = append(r.Starts, start{b.name, median(took[i]), info.Size()})
	}
	return r, nil
}

// submitBenchmark is the benchmark of one submit: its lines of go test's output.
func submitBenchmark(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkSubmit$", "-count", "3",
		"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest").Output()
	if err != nil {
		return "", fmt.Errorf("go test -bench: %w", err)
	}
	var lines strings.Builder
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "Benchmark") {
			lines.WriteString(line)
		}
	}
	return lines.String(), nil
}

// summarize makes Times of Samples. The samples of a subject and operation are in
// the order of the rounds.
func (r *results) summarize() {
	seconds := map[command][]float64{}
	var commands []command
	for _, s := range r.Samples {
		if seconds[s.command] == nil {
			commands = append(commands, s.command)
		}
		seconds[s.command] = append(seconds[s.command], s.seconds)
	}
	for _, c := range commands {
		base := seconds[command{c.network, c.messages, floor, c.operation}]
		var ratios []float64
		for i, s := range seconds[c] {
			ratios = append(ratios, s/base[i])
		}
		r.Times = append(r.Times, timing{c.network, c.messages, c.subject, c.operation, median(seconds[c]), median(ratios)})
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// subjectNames are the subjects in the order of allSubjects, as the first round
// has them.
func (r *results) subjectNames() []string {
	var names []string
	for _, t := range r.Times {
		if !slices.Contains(names, t.Subject) {
			names = append(names, t.Subject)
		}
	}
	return names
}

func (r *results) timing(network string, messages int, subject, operation string) (timing, bool) {
	i := slices.IndexFunc(r.Times, func(t timing) bool {
		return t.Network == network && t.Messages == messages && t.Subject == subject && t.Operation == operation
	})
	if i < 0 {
		return timing{}, false
	}
	return r.Times[i], true
}

// sizes are the numbers of messages that were measured.
func (r *results) sizes() []int {
	var sizes []int
	for _, t := range r.Times {
		sizes = append(sizes, t.Messages)
	}
	slices.Sort(sizes)
	return slices.Compact(sizes)
}

func title(name string) string {
	return networks[slices.IndexFunc(networks, func(n network) bool { return n.Name == name })].Title
}

// markdown is the whole report.
func (r *results) markdown() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	table := func(head ...string) {
		line("| %s |", strings.Join(head, " | "))
		line("|%s", strings.Repeat("---|", len(head)))
	}
	line("# What the provider costs\n")
	line("Measured by `make bench` on %s with %s, on %s. The service is the simulator on loopback.", r.Made, r.CLI, r.Machine)
	line("Each time is the median of several rounds, in which the subjects take turns. The number in brackets is the ratio to")
	line("`terraform_data` in the same round: the time that Terraform itself takes.\n")
	line("`curl` runs in a `local-exec` provisioner of a `terraform_data`. A no-op plan is a plan with nothing to change. Each resource has a")
	line("text of 98 to 100 characters, which `terraform_data` keeps twice, as `input` and as `output`.\n")

	names := r.subjectNames()
	if len(names) > 3 || len(r.Starts) > 1 {
		line("Everything else is another program, given with `-other`. `hashicorp/null` is a provider that sends nothing, and `scaffolding` is")
		line("HashiCorp's template for providers.\n")
	}
	for _, n := range networks {
		if !slices.ContainsFunc(r.Times, func(t timing) bool { return t.Network == n.Name }) {
			continue
		}
		line("## %s\n", n.Title)
		if n.latency > 0 {
			line("Each exchange takes %d ms more, those of a TLS handshake too. TCP connects without delay.\n", n.latency.Milliseconds())
		}
		table(append([]string{"messages", "command"}, names...)...)
		for _, size := range r.sizes() {
			for _, op := range operations {
				cells := []string{fmt.Sprint(size), op.Name}
				for _, name := range names {
					if t, ok := r.timing(n.Name, size, name, op.Name); ok {
						cells = append(cells, fmt.Sprintf("%.2f s (%.2f)", t.Seconds, t.Ratio))
					} else {
						cells = append(cells, "")
					}
				}
				line("| %s |", strings.Join(cells, " | "))
			}
		}
		line("")
	}

	line("## Requests and state of one apply\n")
	table("network", "messages", "subject", "requests", "connections", "TLS handshakes", "bytes of state per resource")
	for _, c := range r.Costs {
		line("| %s | %d | %s | %d | %d | %d | %d |", title(c.Network), c.Messages, c.Subject, c.Requests, c.Connections, c.Handshakes, c.StateBytes/int64(c.Messages))
	}

	line("\n## The provider's process\n")
	line("Terraform starts a provider several times in a command. The CPU time is that of all its processes, and the memory the peak of the largest.\n")
	table("messages", "provider", "command", "processes", "CPU", "peak memory")
	for _, u := range r.Usages {
		line("| %d | %s | %s | %d | %.2f s | %.1f MB |", u.Messages, u.Subject, u.Operation, u.Processes, u.CPUSeconds, float64(u.PeakBytes)/1e6)
	}

	line("\n## Start and size\n")
	line("From the start of the process to the handshake, median of %d.\n", starts)
	table("provider", "start", "binary")
	for _, s := range r.Starts {
		line("| %s | %.1f ms | %.2f MB |", s.Name, s.Milliseconds, float64(s.Bytes)/1e6)
	}

	line("\n## One submit, without Terraform\n\n```\n%s\n```", strings.TrimSpace(r.Submit))
	return b.String()
}

// write writes the report, the charts and what they are made of.
func (r *results) write(dir string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "results.json"), append(data, '\n'), 0o600),
		os.WriteFile(filepath.Join(dir, "README.md"), []byte(r.markdown()), 0o600),
		os.WriteFile(filepath.Join(dir, "chart-light.svg"), []byte(r.chart(light)), 0o600),
		os.WriteFile(filepath.Join(dir, "chart-dark.svg"), []byte(r.chart(dark)), 0o600),
	)
}
