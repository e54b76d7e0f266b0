//go:build unix

package main

import (
	"context"
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

// results is all that was measured.
type results struct {
	scenarios []scenario
	subjects  []subject
	cells     map[[3]string]*measured // by scenario, operation and subject

	cli  string // its version
	size int64  // of the provider's binary, in bytes
}

// measured is what was measured of one command.
type measured struct {
	seconds               []float64 // in the order of the rounds
	requests, connections int64     // of an apply
	peak                  int64     // bytes of memory of the provider's largest process
}

func (r *results) cell(sc scenario, op operation, subject string) *measured {
	c := [3]string{sc.String(), op.name, subject}
	if r.cells[c] == nil {
		r.cells[c] = &measured{}
	}
	return r.cells[c]
}

// time returns the median of the seconds, and that of the ratios to terraform_data in
// the same round.
func (r *results) time(sc scenario, op operation, subject string) (seconds, ratio float64) {
	m, base := r.cell(sc, op, subject), r.cell(sc, op, floor)
	var ratios []float64
	for i, s := range m.seconds {
		ratios = append(ratios, s/base.seconds[i])
	}
	return median(m.seconds), median(ratios)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// describe adds what was measured with.
func (r *results) describe(ctx context.Context, o options) error {
	info, err := os.Stat(o.provider)
	if err != nil {
		return err
	}
	r.size = info.Size()
	version, err := exec.CommandContext(ctx, o.cli, "version").Output() //nolint:gosec // the CLI that the caller chose
	if err != nil {
		return err
	}
	r.cli, _, _ = strings.Cut(string(version), "\n")
	return nil
}

// markdown is the whole report.
func (r *results) markdown() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# What the provider costs\n")
	line("Measured by `make bench` on %s with %s, on %d CPUs, %s/%s, %s.", time.Now().UTC().Format(time.DateOnly), r.cli,
		runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	line("The service is the simulator on loopback. With HTTPS, each exchange takes %d ms more, those of a TLS handshake too; TCP connects", latency.Milliseconds())
	line("without delay. The provider's binary has %.1f MB.\n", float64(r.size)/1e6)
	line("`terraform_data` is a resource of Terraform's own that calls no service, so its time is what Terraform itself takes. The number in")
	line("brackets is a multiple of it: (2.88) means that the command takes 2.88 times as long as with `terraform_data` in the same round.\n")
	line("Each time is the median of several rounds, in which the subjects take turns. `curl` runs in a `local-exec` provisioner of a")
	line("`terraform_data`. A no-op plan is a plan with nothing to change. Each message has about 100 characters. \"1000 after 2000\" are 1,000")
	line("messages on a ticket that has 2,000. Requests, connections and the peak memory of the provider's process are those with keys.\n")
	line("%s\n", picture)

	head := []string{"messages", "command"}
	for _, s := range r.subjects {
		head = append(head, s.name)
	}
	head = append(head, "requests", "connections", "memory")
	line("| %s |", strings.Join(head, " | "))
	line("|%s", strings.Repeat("---|", len(head)))
	for _, sc := range r.scenarios {
		for _, op := range sc.operations() {
			cells := []string{sc.String(), op.name}
			for _, s := range r.subjects {
				seconds, ratio := r.time(sc, op, s.name)
				cells = append(cells, fmt.Sprintf("%.2f s (%.2f)", seconds, ratio))
			}
			m := r.cell(sc, op, keyed)
			line("| %s | %d | %d | %.0f MB |", strings.Join(cells, " | "), m.requests, m.connections, float64(m.peak)/1e6)
		}
	}
	return b.String()
}

// write writes the report and the chart.
func (r *results) write(dir string) error {
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "README.md"), []byte(r.markdown()), 0o600),
		os.WriteFile(filepath.Join(dir, "chart-light.svg"), []byte(r.chart(light)), 0o600),
		os.WriteFile(filepath.Join(dir, "chart-dark.svg"), []byte(r.chart(dark)), 0o600),
	)
}
