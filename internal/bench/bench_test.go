//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// TestMain stands for a provider where the bench puts itself in its place.
func TestMain(m *testing.M) {
	if provider := os.Getenv(measuredProvider); provider != "" {
		os.Exit(measureProvider(provider, os.Getenv(measuredPeaks)))
	}
	os.Exit(m.Run())
}

// TestBench makes the smallest run there is, over HTTPS and on a ticket with two pages.
func TestBench(t *testing.T) {
	o := options{cli: os.Getenv("TF_CLI"), provider: filepath.Join(t.TempDir(), "terraform-provider-servicerequest")}
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
	if out, err := exec.Command("go", "build", "-o", o.provider, "../..").CombinedOutput(); err != nil {
		t.Fatalf("%s\n%s", err, out)
	}
	r, err := measure(t.Context(), o, []scenario{{2, 150, true, 1}})
	if err != nil {
		t.Fatal(err)
	}
	for _, sc := range r.scenarios {
		for _, op := range sc.operations() {
			for _, s := range r.subjects {
				m := r.cell(sc, op, s.name)
				if len(m.seconds) != 1 || (m.peak >= 1<<20) != s.ours {
					t.Errorf("%s, %s, %s: %+v", sc, op.name, s.name, m)
				}
			}
		}
		const lists = 2 // pages of the ticket
		for _, s := range r.subjects {
			want := map[string]int64{floor: 0, "without keys": 2 + lists, keyed: 2 + 2*lists, "curl": 2}[s.name]
			m := r.cell(sc, apply, s.name)
			got := m.requests
			if s.name == keyed && got == want+lists { // the first message ended before the second came
				got = want
			}
			if got != want || (m.connections > 0) != (want > 0) {
				t.Errorf("%s, %s: %+v, want %d requests", sc, s.name, m, want)
			}
		}
	}

	bars := regexp.MustCompile(`x-axis \["2 after 150, HTTPS, without keys", "2 after 150, HTTPS, with keys"(, "2 after 150, HTTPS, curl")?\]
.*
  bar \[[\d.]+, [\d.]+(, [\d.]+)?\]
`)
	if report := r.markdown(); !bars.MatchString(report) {
		t.Errorf("%s\nwant a chart of the subjects but terraform_data: %s", report, bars)
	}
}

func TestRatiosAreOfOneRound(t *testing.T) {
	sc := scenario{messages: 1}
	r := results{cells: map[[3]string]*measured{}}
	r.cell(sc, apply, floor).seconds = []float64{1, 2, 10}
	r.cell(sc, apply, keyed).seconds = []float64{3, 4, 10}
	if seconds, ratio := r.time(sc, apply, keyed); seconds != 4 || ratio != 2 { // ratios 3, 2 and 1
		t.Errorf("%v s, ratio %v", seconds, ratio)
	}
}
