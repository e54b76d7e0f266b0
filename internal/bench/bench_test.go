//go:build unix

package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestMain stands for a provider where the bench puts itself in its place.
func TestMain(m *testing.M) {
	if provider := os.Getenv(measuredProvider); provider != "" {
		os.Exit(measureProvider(provider, os.Getenv(measuredUsage)))
	}
	os.Exit(m.Run())
}

// TestBench makes the smallest run there is, over TLS but without the latency.
func TestBench(t *testing.T) {
	o := options{cli: os.Getenv("TF_CLI"), host: os.Getenv("TF_CLI_HOST"), sizes: []int{2}, rounds: []int{1}, networks: []network{{Name: "slow", TLS: true}}}
	if o.cli == "" {
		t.Fatal("run it with make test, or through tools/cli.sh")
	}
	version, err := exec.Command(o.cli, "version").Output()
	if err != nil {
		t.Fatal(err)
	}
	if regexp.MustCompile(`^Terraform v1\.[0-3]\.`).Match(version) {
		t.Skip("terraform_data needs Terraform 1.4")
	}
	o.provider = filepath.Join(t.TempDir(), "terraform-provider-servicerequest")
	if out, err := exec.Command("go", "build", "-o", o.provider, "../..").CombinedOutput(); err != nil {
		t.Fatalf("%s\n%s", err, out)
	}
	r, err := measure(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Costs {
		want := map[string]int64{floor: 0, ours: 3, curl: 2}[c.Subject] // ours lists the ticket once
		if c.Requests != want || c.Handshakes != c.Connections || c.StateBytes == 0 {
			t.Errorf("%+v, want %d requests, a handshake a connection, and a state", c, want)
		}
	}
	names := r.subjectNames()
	if !slices.Equal(names[:2], []string{floor, ours}) {
		t.Errorf("the subjects are %q", names)
	}
	if len(r.Costs) != len(names) || len(r.Times) != len(names)*len(operations) || len(r.Usages) != len(operations) {
		t.Errorf("%d costs, %d times and %d usages of %q", len(r.Costs), len(r.Times), len(r.Usages), names)
	}
	for _, u := range r.Usages {
		if u.Processes == 0 || u.CPUSeconds <= 0 || u.PeakBytes < 1<<20 {
			t.Errorf("%+v: the provider's process was not measured", u)
		}
	}

	dir := t.TempDir()
	if err := r.write(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"chart-light.svg", "chart-dark.svg"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		bars := 0
		for d := xml.NewDecoder(strings.NewReader(string(b))); ; {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %s", name, err)
			}
			if start, ok := token.(xml.StartElement); ok && start.Name.Local == "rect" {
				bars++
			}
		}
		if want := 2 * len(names); bars != want { // in the legend, and for the apply
			t.Errorf("%s has %d rectangles, want %d", name, bars, want)
		}
	}
}

func TestRatiosAreOfOneRound(t *testing.T) {
	var r results
	for _, s := range []struct {
		subject string
		seconds float64
	}{{floor, 1}, {ours, 3}, {ours, 4}, {floor, 2}, {floor, 10}, {ours, 10}} {
		r.Samples = append(r.Samples, sample{command{"plain", 1, s.subject, "plan"}, s.seconds})
	}
	r.summarize()
	got, ok := r.timing("plain", 1, ours, "plan")
	if want := (timing{"plain", 1, ours, "plan", 4, 2}); !ok || got != want { // ratios 3, 2 and 1
		t.Errorf("got %+v, want %+v", got, want)
	}
}
